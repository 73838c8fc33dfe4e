export { CATALOGUE, type Catalogue, noticeText, type TextOptions, type Texts } from "./catalogue.js";
export {
  AMAZON_CONTACT,
  NOTICES,
  type Notice,
  noticeOf,
  noticeOfDecision,
  noticeOfFinding,
  type SupportEntry,
  type SupportTopic,
  supportFor,
} from "./notices.js";
