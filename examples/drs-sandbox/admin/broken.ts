import type { HttpCall, HttpReply } from "../http.js";
import { LwaService, tokenOutage } from "../lwa/token-endpoint.js";
import { findRoute } from "../service/operations.js";
import { outage } from "../service/service.js";
import type { Device } from "../state/devices.js";
import type { Faults } from "./faults.js";

/** Ms. */
const SLOW = 1000;

export interface BrokenOptions {
  faults: Faults;
  /** Whose token a call brings, as long as it is good. */
  caller: (call: HttpCall) => Device | undefined;
  /** Voids the access tokens of a device. */
  expire: (device: Device) => void;
  answer: (call: HttpCall) => Promise<HttpReply>;
}

/** Answers as `answer` does, apart from what is to go wrong. */
export async function answerBroken(options: BrokenOptions, call: HttpCall): Promise<HttpReply> {
  const { faults, caller, expire, answer } = options;
  const operation = LwaService.isAt(call.path) ? "Token" : findRoute(call.path)?.operation.name;
  if (operation === undefined) return answer(call);
  const device = caller(call);
  const fault = faults.ofRequest(operation, device?.serial);
  switch (fault?.kind) {
    case undefined:
      return answer(call);
    case "error":
      return (operation === "Token" ? tokenOutage : outage)(fault.status ?? 500);
    case "expired-token":
      // a token that never expires is only refused this once
      if (device) expire(device);
      return answer({ ...call, headers: { ...call.headers, authorization: "Bearer expired" } });
    case "lost-answer":
      return { ...(await answer(call)), isLost: true };
    case "slow":
      return { ...(await answer(call)), delay: fault.delay ?? SLOW };
  }
}
