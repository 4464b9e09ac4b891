// The agent's own log as a source of live streams: what the logger writes, as lines that people read.
import { agentLine } from "#edge/page/log_words.ts";
import { createLineRing } from "./ring.ts";
import type { SourceItem, Wanted } from "./source.ts";

export interface AgentLog {
  /** What the logger writes: one line or several. */
  write(text: string): void;
  follow(wanted: Wanted): AsyncIterable<SourceItem>;
}

const maxCost = 256 * 1024;
/** Its time stands first in a line; here it stands beside it. */
const timeForm = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d /;

export function createAgentLog({ now }: { now: () => number }): AgentLog {
  const ring = createLineRing({ maxCost });
  return {
    write: (text) => {
      for (const line of text.split("\n")) {
        if (line !== "") ring.write({ at: now(), text: agentLine(line).replace(timeForm, "") });
      }
    },
    follow: ring.follow,
  };
}
