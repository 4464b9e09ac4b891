// Reads again until the hub answers: what follows a stream for hours must outlive a restart of the hub.
import type { Cli } from "#hub/cli/cli.ts";
import type { Terminal } from "#hub/cli/terminal/terminal.ts";
import { mayComeBack } from "./comeback.ts";

const pauseMs = 1000;

/** @returns undefined when the signal came first
 *  @throws FleetError what no waiting mends */
export async function insist<T>(
  { clock, terminal }: Pick<Cli, "clock"> & { terminal: Pick<Terminal, "say"> },
  signal: AbortSignal,
  read: () => Promise<T>,
): Promise<T | undefined> {
  for (let tries = 0; !signal.aborted; tries += 1) {
    try {
      return await read();
    } catch (error) {
      if (!mayComeBack(error)) throw error;
      if (tries === 0) terminal.say(`${error.sentence}; trying again …`);
      await clock.sleep(pauseMs, signal);
    }
  }
  return undefined;
}
