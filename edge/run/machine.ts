// What runs do to this machine: its reboot, its network, and the scripts of its roles.
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { runRoleScript } from "#edge/release/hook.ts";
import { baseEnvironment } from "#edge/runtime/process/environment.ts";
import { endRun } from "#edge/runtime/process/group.ts";
import { formatMarker, markerVariable } from "#edge/runtime/process/marker.ts";
import { endingOf, runOnce } from "#edge/runtime/process/oneshot.ts";
import type { Clock } from "#shared/clock.ts";
import { FleetError } from "#shared/errors.ts";
import { namesIn } from "#shared/files.ts";
import type { DeviceId } from "#shared/ids.ts";
import { createNetworkChange } from "./network/change.ts";
import type { Machine, NetworkChange } from "./port.ts";

const rebootCallMs = 60_000;
/** What a script leaves behind may tidy up for so long. */
const strayGraceMs = 1000;

interface Options {
  device: DeviceId;
  /** Of this alone. */
  directory: string;
  /** The command that restarts the device. */
  reboot: readonly string[];
  network?: readonly string[] | undefined;
  bootId: string;
  bootIdFile: string;
  clock: Clock;
  /** Ms between two tries of putting back the network; 5 s by default. */
  againMs?: number;
}

export function createMachine(options: Options): Machine {
  const { device, directory, reboot, network, bootId, bootIdFile, clock, againMs } = options;
  const networkChange = (key: string): NetworkChange =>
    createNetworkChange({
      ...{ directory: join(directory, key), command: network },
      ...{ bootId, bootIdFile, clock, againMs },
    });
  return {
    networkChange,
    unsettledChange: async (key) => {
      const others = (await namesIn(directory)).filter((name) => name !== key);
      return others.map(networkChange).find((change) => isUnsettled(change));
    },
    reboot: async ({ signal, onOutput }) => {
      const result = await runOnce({
        ...{ command: reboot, directory: "/", environment: baseEnvironment() },
        ...{ timeoutMs: rebootCallMs, signal, onOutput },
      });
      const fault = endingOf(result, rebootCallMs);
      if (fault === undefined) return;
      const isMissing = result.errno === "ENOENT";
      throw new FleetError(isMissing ? "command_missing" : "step_failed", {
        message: `the reboot command ${reboot.join(" ")} ${fault}`,
        hint: "Set machine.reboot in agent.yaml.",
      });
    },
    runScript: async (staged, { script, args, key, timeoutMs }, { signal, onOutput }) => {
      const app = staged.spec.name;
      const marker = { device, app, service: "run", index: 1, nonce: key, aside: true };
      const leftovers = (): Promise<void> =>
        endRun({ nonce: key }, { signal: "SIGKILL", graceMs: strayGraceMs });
      await leftovers();
      const environment = { [markerVariable]: formatMarker(marker), METRICA_FLEET_RUN: key };
      const given = { args, environment, timeoutMs, signal, onOutput };
      const { fault } = await runRoleScript(staged, script, given).finally(leftovers);
      if (fault === undefined) return;
      throw new FleetError("step_failed", {
        message: `the script ${script} of ${app} ${fault}`,
        hint: "The run's log has its output.",
        subject: app,
      });
    },
    tidy: async (open) => {
      for (const key of await namesIn(directory)) {
        if (isUnsettled(networkChange(key))) {
          if (key.startsWith(`${open}-`)) continue;
          networkChange(key).giveUp();
        } else if (!key.startsWith(`${open}-`)) {
          await rm(join(directory, key), { recursive: true, force: true });
        }
      }
    },
  };
}

function isUnsettled(change: NetworkChange): boolean {
  const { is } = change.state();
  return is === "guarded" || is === "returning";
}
