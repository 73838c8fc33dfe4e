import { Host, newMedia } from "./host.js";
import {
  FORMS,
  type Form,
  MESSAGES,
  type MessageName,
  type MessageStep,
  STEPS_OF_MESSAGE,
} from "./message-work.js";

export interface MessageFigures {
  readonly message: MessageName;
  readonly form: Form;
  /** Without the MQTT header and the topic. */
  readonly bytes: number;
  /** Bytecode steps by what is done; absent in Node. */
  readonly steps?: Readonly<Record<MessageStep, number>>;
}

/** What a status and an order cost in both forms. */
export async function messageFigures(engine: "xs" | "node"): Promise<MessageFigures[]> {
  const host = await Host.start(engine, newMedia());
  try {
    const figures: MessageFigures[] = [];
    for (const message of Object.keys(MESSAGES) as MessageName[])
      for (const form of FORMS) {
        const steps: Partial<Record<MessageStep, number>> = {};
        let bytes = 0;
        // The first time brings what is made once, such as tables of cbor-x.
        for (let time = 0; time < 2; time++) {
          await host.run({ do: "message", message, form });
          for (const step of STEPS_OF_MESSAGE) {
            const { cost, reply } = await host.run({ do: "message-step", step });
            steps[step] = cost.steps;
            bytes = reply.length;
          }
        }
        figures.push({
          message,
          form,
          bytes,
          ...(engine === "xs" && { steps: steps as Record<MessageStep, number> }),
        });
      }
    return figures;
  } finally {
    await host.stop();
  }
}
