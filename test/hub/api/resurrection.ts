// The parts of a hub that may have been lost, for the API's tests: over the world's store, with nothing to resume.
import type { ApiOptions } from "#hub/api/api.ts";
import { createBackups } from "#hub/backup/create.ts";
import type { Bus } from "#hub/bus.ts";
import type { SigningKey } from "#hub/desired/keys.ts";
import { createIntroduction } from "#hub/enrol/introduction.ts";
import { createMemos } from "#hub/resurrect/memos.ts";
import { createPause, type FleetPause } from "#hub/resurrect/pause.ts";
import { createReturns } from "#hub/resurrect/returns.ts";
import type { Store } from "#hub/store/port.ts";
import type { Clock } from "#shared/clock.ts";
import type { DeviceId } from "#shared/ids.ts";
import { createSigningKey } from "#test/support/signing_key.ts";

export function resurrectionParts(options: {
  store: Store;
  bus: Bus;
  clock: Clock;
  readonly disconnect: (device: DeviceId) => void;
  /** Where the hub's keys lie; without it there are no backups. */
  directory?: string | undefined;
}): Pick<ApiOptions, "pause" | "memos" | "returns" | "backups"> & {
  introduction: ApiOptions["introduction"];
  fleetPause: FleetPause;
  key: SigningKey;
} {
  const { store, clock, directory } = options;
  const key = createSigningKey();
  const pause = createPause(options);
  const memos = createMemos({
    ...options,
    ...{ key, isPaused: () => pause.state() !== null, publish: () => undefined },
    onFailed: () => undefined,
  });
  const desired = { adopt: (row: Parameters<Store["saveDesired"]>[0]) => store.saveDesired(row) };
  return {
    memos,
    fleetPause: pause,
    key,
    backups:
      directory === undefined
        ? { make: () => Promise.reject(new TypeError("no backups here")) }
        : createBackups({ store, directory, clock, version: "1.2.3" }),
    pause: {
      state: pause.state,
      resume: ({ operator, reason }) => pause.end(operator, reason),
    },
    returns: createReturns({
      ...options,
      ...{ desired, memos, pause, key, onMerged: () => Promise.resolve() },
    }),
    introduction: createIntroduction({ key, mqttUrl: () => "mqtt://127.0.0.1:1883" }),
  };
}
