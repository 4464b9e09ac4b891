// The agent's side of a change of the network: keeps what was, starts the guard, applies, confirms.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { CommandOptions, NetworkChange, NetworkChangeState } from "#edge/run/port.ts";
import type { Clock } from "#shared/clock.ts";
import { FleetError } from "#shared/errors.ts";
import { makeDirectory } from "#shared/files.ts";
import { callNetwork } from "./command.ts";
import { isDue } from "./due.ts";
import { livingGuard, recordProcess } from "./identity.ts";
import { type ChangeFiles, changeFiles } from "./record.ts";

const armedWithinMs = 15_000;

interface Options {
  /** Of this change alone. */
  directory: string;
  /** Absent: this device has none. */
  command: readonly string[] | undefined;
  bootId: string;
  bootIdFile: string;
  clock: Clock;
  /** Ms between two tries of putting back what was; 5 s by default. */
  againMs?: number | undefined;
}

export function createNetworkChange(options: Options): NetworkChange {
  const { directory, command, bootId, bootIdFile, clock, againMs } = options;
  const files = changeFiles(directory);

  const keep = async ({ confirmMs, ...calls }: CommandOptions & { confirmMs: number }) => {
    if (command === undefined) throw noCommand();
    const former = await callNetwork(command, "save", { ...calls, input: "" });
    await makeDirectory(directory);
    // Whoever has broken it off does not look for a guard any more.
    if (calls.signal.aborted) throw brokenOff();
    const deadlineMs = clock.monotonicMs() + confirmMs;
    const pace = againMs === undefined ? {} : { againMs };
    files.keep({ command: [...command], former, bootId, bootIdFile, deadlineMs, ...pace });
  };

  /** Nothing is changed before somebody is there who would change it back. */
  const armed = async (): Promise<void> => {
    const giveUpAt = clock.monotonicMs() + armedWithinMs;
    while (livingGuard(files.guardFile) === undefined) {
      if (clock.monotonicMs() > giveUpAt) throw noGuard();
      await clock.sleep(20);
    }
  };

  return {
    state: () => stateOf(files),
    guard: async (given) => {
      if (files.read() === undefined) await keep(given);
      startGuard(directory, files);
      await armed();
    },
    apply: async (settings, { signal, onOutput }) => {
      const record = files.read();
      if (record === undefined || isDue(record, files, clock.monotonicMs())) throw tooLate();
      const late = new AbortController();
      const onStart = (pid: number): void => {
        recordProcess(files.applyFile, pid);
        // The guard claims first and then looks for the process: one of both sees the other.
        if (files.claimed() !== undefined) late.abort();
      };
      const ends = AbortSignal.any([signal, late.signal]);
      const given = { input: JSON.stringify(settings), signal: ends, onOutput, onStart };
      await callNetwork(record.command, "apply", given).catch((error: unknown) => {
        throw files.claimed() === "returned" ? tooLate() : error;
      });
    },
    ensureGuard: () => startGuard(directory, files),
    confirm: () => files.claim("confirmed") === "confirmed",
    giveUp: () => {
      if (files.read() === undefined) return;
      files.askBack();
      startGuard(directory, files);
    },
    leave: (tries) => {
      files.askToLeave();
      // The guard says first that it tries and then looks for this: one of both sees the other.
      const isQuiet = !files.isTrying() && !files.isBack() && files.trouble()?.tries === tries;
      if (isQuiet) files.noteLeft();
      else files.takeBackAsking();
      return isQuiet;
    },
  };
}

function stateOf(files: ChangeFiles): NetworkChangeState {
  if (files.read() === undefined) return { is: "none" };
  const claimed = files.claimed();
  if (claimed === "confirmed") return { is: "confirmed" };
  if (claimed === undefined && !files.isAskedBack()) return { is: "guarded" };
  if (files.isBack()) return { is: "returned" };
  if (files.isLeft()) return { is: "left" };
  const trouble = files.trouble();
  return trouble === undefined ? { is: "returning" } : { is: "returning", trouble };
}

/** Does nothing while one lives. In a session of its own, so that no signal to the agent's group reaches it. */
function startGuard(directory: string, files: ChangeFiles): void {
  if (livingGuard(files.guardFile) !== undefined) return;
  // An earlier process has asked and ended before it could settle it.
  files.takeBackAsking();
  const main = fileURLToPath(new URL("./guard.ts", import.meta.url));
  const child = spawn(process.execPath, ["--max-old-space-size=64", main, directory], {
    cwd: "/",
    detached: true,
    stdio: "ignore",
    env: {},
  });
  // That it does not come up is told by its silence.
  child.on("error", () => undefined);
  child.unref();
}

function noCommand(): FleetError {
  return new FleetError("command_missing", {
    message: "this device has no network command",
    hint: "Set machine.network in agent.yaml.",
  });
}

function brokenOff(): FleetError {
  return new FleetError("interrupted", { message: "the change of the network was broken off" });
}

function tooLate(): FleetError {
  return new FleetError("step_failed", {
    message:
      "the new settings could not be applied before their time was over or the device restarted; the former ones come back",
    hint: "Give the step more time with confirmSeconds.",
  });
}

function noGuard(): FleetError {
  return new FleetError("step_failed", {
    message: "the guard of the network change does not start, so nothing was changed",
    hint: "Look at the device's memory and process limits.",
  });
}
