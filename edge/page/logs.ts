// Which log was asked for, and its last lines within a bounded time.
import { z } from "zod";
import type { Clock } from "#shared/clock.ts";
import { FleetError } from "#shared/errors.ts";
import { AppName } from "#shared/ids.ts";
import type { ReadLogs } from "./actions.ts";
import { checked } from "./body.ts";
import { expectService } from "./expect.ts";
import { type LogTail, maxLines } from "./log_tail.ts";
import { agentLine, serviceLine } from "./log_words.ts";
import type { LocalStatus } from "./status.ts";

const patienceMs = 5000;

const LogQuery = z
  .object({
    app: AppName.exactOptional(),
    service: z.string().min(1).exactOptional(),
    tail: z.coerce.number().int().min(1).max(maxLines).default(100),
  })
  .refine(({ app, service }) => (app === undefined) === (service === undefined), {
    message: "app and service go together; without both it is the agent's own log",
  });

interface Parts {
  status: () => LocalStatus;
  readLogs?: (() => ReadLogs | undefined) | undefined;
  agentLog?: Pick<LogTail, "last"> | undefined;
  clock: Pick<Clock, "sleep">;
}

/** The lines as text, oldest first. */
export type LastLines = (query: Record<string, string>) => Promise<string[]>;

/** @throws FleetError request_invalid, not_found, runtime_timeout */
export function createLastLines({ status, readLogs, agentLog, clock }: Parts): LastLines {
  return async (query) => {
    const { app, service, tail } = checked(LogQuery, query);
    if (app === undefined || service === undefined) {
      return (agentLog?.last(tail) ?? []).map(agentLine);
    }
    expectService(status(), app, service);
    const read = readLogs?.();
    if (read === undefined) return [];
    const ended = new AbortController();
    const late = clock.sleep(patienceMs, ended.signal).then(() => undefined);
    const lines = await Promise.race([read(app, service, tail), late]).finally(() => ended.abort());
    if (lines === undefined) throw tooLate(service);
    return lines.map(serviceLine);
  };
}

function tooLate(service: string): FleetError {
  return new FleetError("runtime_timeout", {
    message: `the log of ${service} did not come within ${patienceMs / 1000} s`,
    hint: "Docker may hang or be busy; try again, or read the agent's own log.",
    subject: service,
  });
}
