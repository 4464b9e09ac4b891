// Reads the last log lines of a service from whichever runtime has its copies.
import type { LogLine, Runtime } from "#edge/runtime/port.ts";
import type { ReadLogs } from "./actions.ts";

type Source = Pick<Runtime, "observe" | "logs">;

/** A runtime that does not answer fails the call only when no other one has the service. */
export function createServiceLog(runtimes: readonly Source[]): ReadLogs {
  return async (app, service, tail) => {
    const results = await Promise.allSettled(
      runtimes.map((runtime) => linesOf(runtime, { app, service, tail })),
    );
    const found = results.flatMap((one) => (one.status === "fulfilled" ? one.value : []));
    const fault = results.find((one) => one.status === "rejected");
    if (found.length === 0 && fault !== undefined) throw fault.reason;
    return found.sort((a, b) => a.at - b.at).slice(-tail);
  };
}

async function linesOf(
  runtime: Source,
  { app, service, tail }: { app: string; service: string; tail: number },
): Promise<LogLine[]> {
  const copies = (await runtime.observe()).filter(
    (one) => one.app === app && one.service === service,
  );
  return (await Promise.all(copies.map((copy) => runtime.logs(copy, { tail })))).flat();
}
