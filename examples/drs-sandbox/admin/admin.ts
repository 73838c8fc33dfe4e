import { SandboxError } from "../errors.js";
import type { HttpCall, HttpReply } from "../http.js";
import type { Agenda } from "../state/agenda.js";
import type { Devices } from "../state/devices.js";
import type { SandboxFault, SandboxOrder } from "../types.js";
import type { Faults } from "./faults.js";

const LONGEST_ADVANCE = 31_536_000_000;

export interface AdminOptions {
  agenda: Agenda;
  faults: Faults;
  devices: Devices;
  orders: readonly SandboxOrder[];
  /** Moves the clock; undefined: it cannot be moved. */
  advance: ((ms: number) => Promise<void>) | undefined;
  resolve: (instanceId: string) => Promise<boolean>;
}

/** Answers what a test asks of the sandbox itself; undefined: the path is not below `/sandbox`. No tokens are in it. */
export async function answerAdmin(options: AdminOptions, call: HttpCall): Promise<HttpReply | undefined> {
  const { faults, devices, orders, agenda } = options;
  switch (`${call.method} ${call.path}`) {
    case "GET /sandbox":
      return {
        status: 200,
        json: {
          now: new Date(agenda.now()).toISOString(),
          devices: [...devices.all].map(({ serial, model, customerId, isRegistered, isTest, slots }) => ({
            serial,
            model,
            customerId,
            isRegistered,
            isTest,
            slots: [...slots.values()].map(({ id, subscribed, chosen }) => ({
              id,
              subscribed,
              asin: chosen?.asin ?? null,
            })),
          })),
          orders,
          faults: faults.all,
        },
      };
    case "GET /sandbox/faults":
      return { status: 200, json: { faults: faults.all } };
    case "DELETE /sandbox/faults":
      faults.clear();
      return { status: 200, json: { faults: [] } };
    case "POST /sandbox/faults":
      return posted(call, async ({ faults: given }) => {
        if (!Array.isArray(given)) return wrong("faults must be a list");
        faults.add(given as SandboxFault[]);
        return { status: 200, json: { faults: faults.all } };
      });
    case "POST /sandbox/clock":
      return posted(call, async ({ advance: ms }) => {
        if (options.advance === undefined)
          return { status: 409, json: { message: "This clock cannot be moved" } };
        if (!(Number.isInteger(ms) && (ms as number) >= 0 && (ms as number) <= LONGEST_ADVANCE))
          return wrong(`advance must be a whole number of ms from 0 to ${LONGEST_ADVANCE}`);
        await options.advance(ms as number);
        return { status: 200, json: { now: new Date(agenda.now()).toISOString() } };
      });
    case "POST /sandbox/resolve":
      return posted(call, async ({ instanceId }) => {
        const isDone = typeof instanceId === "string" && (await options.resolve(instanceId));
        return isDone ? { status: 200, json: {} } : wrong("instanceId must be of an order with a problem");
      });
    default:
      return undefined;
  }
}

/** JSON only: no page elsewhere can send it from a browser without being asked first. */
async function posted(
  call: HttpCall,
  task: (body: Readonly<Record<string, unknown>>) => Promise<HttpReply>,
): Promise<HttpReply> {
  if (!/^application\/json\b/i.test(call.headers["content-type"] ?? ""))
    return { status: 415, json: { message: "Content-Type must be application/json" } };
  let body: unknown;
  try {
    body = JSON.parse((await call.body()) ?? "");
  } catch {
    return wrong("The body must be JSON of at most 64 KB");
  }
  if (typeof body !== "object" || body === null) return wrong("The body must be an object");
  try {
    return await task(body as Record<string, unknown>);
  } catch (error) {
    if (error instanceof SandboxError) return wrong(error.message);
    throw error;
  }
}

function wrong(message: string): HttpReply {
  return { status: 400, json: { message } };
}
