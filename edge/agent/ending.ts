// Ends the agent's parts, the last begun first; one that fails does not keep the others from ending.
import { asFleetError } from "#shared/errors.ts";
import type { Log } from "./parts.ts";

export interface Ending {
  /** What there is to end, told as soon as it has begun. */
  add(part: string, end: () => void | Promise<void>): void;
  /** Idempotent.
   *  @returns whether every part has ended well */
  run(): Promise<boolean>;
}

export function createEnding(log: Pick<Log, "error">): Ending {
  const parts: { part: string; end: () => void | Promise<void> }[] = [];
  let running: Promise<boolean> | undefined;
  const endAll = async (): Promise<boolean> => {
    let well = true;
    for (const { part, end } of parts.toReversed()) {
      try {
        await end();
      } catch (thrown) {
        const { code, sentence } = asFleetError(thrown);
        log.error({ part, code, why: sentence }, "a part did not end well");
        well = false;
      }
    }
    return well;
  };
  return {
    add: (part, end) => void parts.push({ part, end }),
    run: () => {
      running ??= endAll();
      return running;
    },
  };
}
