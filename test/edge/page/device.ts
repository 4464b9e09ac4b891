// A device for tests of its page: a status that the buttons change, as the agent would.
import { createLocalApi, type LocalApiOptions } from "#edge/page/api.ts";
import { createLogTail } from "#edge/page/log_tail.ts";
import { createAgentMetrics } from "#edge/page/metrics.ts";
import type { LocalStatus } from "#edge/page/status.ts";
import { systemClock } from "#shared/clock.ts";
import { fixedToken } from "./fixture.ts";

export interface TestDevice {
  url: string;
  /** What the buttons asked for, oldest first. */
  asked: string[];
  change(fields: Partial<LocalStatus>): void;
  stop(): Promise<void>;
}

export async function startDevice(
  first: LocalStatus,
  options: Partial<LocalApiOptions> = {},
): Promise<TestDevice> {
  let status = first;
  const asked: string[] = [];
  const agentLog = createLogTail();
  agentLog.write('{"level":30,"time":1700000000000,"msg":"agent started","version":"1"}\n');
  const api = createLocalApi({
    page: { host: "127.0.0.1", port: 0 },
    status: () => status,
    pulse: () => ({
      lastMonotonicMs: systemClock.monotonicMs(),
      intervalMs: 1000,
      stepDeadlineMs: 5000,
    }),
    metrics: createAgentMetrics(),
    token: fixedToken,
    clock: systemClock,
    agentLog,
    readLogs: () => async (_app, service, tail) =>
      [1, 2, 3]
        .map((at) => ({ at, stream: "stdout" as const, text: `${service} says ${at}` }))
        .slice(-tail),
    actions: () => ({
      retry: (app) => void asked.push(`retry ${app ?? "all"}`),
      deepCheck: () => void asked.push("check"),
      restartService: async (app, service) => void asked.push(`restart ${app}/${service}`),
      safeMode: {
        enter: (message) => {
          asked.push(`enter: ${message}`);
          const entered = { cause: "hand", message, since: status.at, serves: "lastGood" } as const;
          status = { ...status, safeMode: entered };
        },
        leave: () => {
          asked.push("leave");
          const { safeMode: _, ...rest } = status;
          status = rest;
        },
      },
    }),
    ...options,
  });
  const { host, port } = await api.start();
  return {
    url: `http://${host}:${port}`,
    asked,
    change: (fields) => {
      status = { ...status, ...fields };
    },
    stop: api.stop,
  };
}
