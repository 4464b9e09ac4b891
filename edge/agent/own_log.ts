// The agent's own log: to stdout, and kept for its page and for those who follow it live.
import { type Logger, pino } from "pino";
import type { AgentConfig } from "#edge/config.ts";

interface Keeper {
  write(text: string): void;
}

/** @param keepers what the page and live streams read; before stdout, so that they have what people see */
export function createOwnLog(
  { device, log }: Pick<AgentConfig, "device" | "log">,
  keepers: readonly Keeper[],
): Logger {
  // Written at once and in order, so that the last lines before a sudden end are there and in place.
  const stdout = pino.destination({ dest: 1, sync: true });
  const write = (text: string): void => {
    for (const keeper of [...keepers, stdout]) keeper.write(text);
  };
  return pino({ level: log.level, base: { device } }, { write });
}
