// Keeps the agent running where no systemd does: starts it, kills it when it hangs, starts it again.
//
// Every argument is the agent's own: `node edge/guard.ts --config agent.yaml`. It ends when it is told to, or
// when the agent ends well, with the agent's exit code. It imports next to nothing, since it stays in memory.
import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import { extname, join } from "node:path";
import { deadlineVariable } from "./guard/pulse.ts";
import { createWatched, type End } from "./guard/watched.ts";

const defaultDeadlineMs = 60_000;
const maxPauseMs = 30_000;

const deadlineMs = Number(process.env[deadlineVariable] ?? defaultDeadlineMs);
if (!Number.isFinite(deadlineMs) || deadlineMs < 0) {
  process.stderr.write(`${deadlineVariable} must be a number of milliseconds\n`);
  process.exit(1);
}

const agent = createWatched({
  launch,
  ...(deadlineMs > 0 ? { deadlineMs } : {}),
  maxPauseMs,
  onEnd: (end, pauseMs) => {
    if (pauseMs === undefined) return;
    process.stderr.write(`the agent ${howItEnded(end)}; it starts again in ${pauseMs / 1000} s\n`);
  },
  isDone: ({ code }) => code === 0,
});

for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => agent.stop(signal));
process.on("SIGHUP", () => agent.signal("SIGHUP"));
agent.start();
process.exit(exitCodeOf(await agent.ended));

/** As a source beside main.ts, and as a bundle beside main.js. */
function launch(): ChildProcess {
  const entry = join(import.meta.dirname, `main${extname(import.meta.filename)}`);
  const args = [...process.execArgv, entry, ...process.argv.slice(2)];
  // What tells systemd of this process is not for the agent, which reports to the guard.
  const { NOTIFY_SOCKET: _socket, WATCHDOG_USEC: _usec, WATCHDOG_PID: _pid, ...rest } = process.env;
  return spawn(process.execPath, args, {
    stdio: ["inherit", "inherit", "inherit", "ipc"],
    env: { ...rest, [deadlineVariable]: String(deadlineMs) },
  });
}

function howItEnded({ code, signal, silentMs, fault }: End): string {
  if (fault !== undefined) return `could not be started (${fault})`;
  if (silentMs !== undefined)
    return `was silent for ${Math.round(silentMs / 1000)} s and was killed`;
  return signal === null ? `ended with code ${code}` : `was ended by ${signal}`;
}

/** As shells tell it. */
function exitCodeOf({ code, signal }: End): number {
  return code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
}
