import { equal, secret } from "./secrets.js";

/** What every site keeps of a browser. */
export class BrowserSession {
  id = secret();
  /** Forms have to bring it: another site cannot know it. */
  readonly formToken = secret();
  #notice = "";

  /** Shown once, on the next page. */
  notify(text: string): void {
    this.#notice = text;
  }

  takeNotice(): string {
    const notice = this.#notice;
    this.#notice = "";
    return notice;
  }

  isForm(form: URLSearchParams): boolean {
    return equal(form.get("form_token") ?? "", this.formToken);
  }
}
