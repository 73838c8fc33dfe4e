export { type Cycle, type CycleEvent, type CycleState, Cycles, nextState } from "./cycle.js";
export { CANCELLED_DAYS, mayOrder, REJECTED_DAYS, type Situation, shouldOrder } from "./policy.js";
export { refillAdvice } from "./refill-advice.js";
export { type Allocation, allocate, isDoubtful, type Shelf } from "./shelf.js";
