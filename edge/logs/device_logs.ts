// All that this device can tell live: gathers the agent's own log from the start, and serves once enrolled.
import type { Journal } from "#edge/journal/port.ts";
import { expectApp, expectService } from "#edge/page/expect.ts";
import type { LocalStatus } from "#edge/page/status.ts";
import type { Runtime } from "#edge/runtime/port.ts";
import { type Identity, trustedKeys } from "#edge/sync/identity.ts";
import type { Clock } from "#shared/clock.ts";
import { createAgentLog } from "./agent_log.ts";
import { createSources, type OpenRunOutput } from "./sources.ts";
import { createLiveStreams, type LiveStreams } from "./streams.ts";

export interface DeviceLogs {
  /** What the agent's logger writes. */
  write(text: string): void;
  serve(parts: {
    identity: Identity;
    runtimes: { all: readonly Pick<Runtime, "name" | "observe" | "follow">[] };
    journal: Pick<Journal, "entries" | "epoch">;
    /** Tells which apps and services there are. */
    status: () => LocalStatus;
    runs?: OpenRunOutput;
  }): LiveStreams;
}

export function createDeviceLogs({ clock }: { clock: Clock }): DeviceLogs {
  const agentLog = createAgentLog({ now: clock.now });
  return {
    write: agentLog.write,
    serve: ({ identity, status, runtimes, ...parts }) =>
      createLiveStreams({
        device: identity.device,
        trusted: trustedKeys(identity),
        open: createSources({
          ...parts,
          runtimes: runtimes.all,
          agentLog,
          clock,
          expect: (app, service) => {
            if (service === undefined) expectApp(status(), app);
            else expectService(status(), app, service);
          },
        }),
        clock,
      }),
  };
}
