export { type Cycle, type CycleEvent, type CycleState, Cycles, inboundOf, nextState } from "./cycle.js";
export {
  CANCELLED_DAYS,
  type Decision,
  decide,
  isOrder,
  REJECTED_DAYS,
  RESOLUTION_DAYS,
  type Situation,
  timeOut,
} from "./policy.js";
export { refillAdvice } from "./refill-advice.js";
export { type Allocation, allocate, isDoubtful, isFull, type Shelf } from "./shelf.js";
