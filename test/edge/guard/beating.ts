// A program that tells its guard that it is alive: `beating.ts FILE [MODE]`; each start adds a line to the file.
//
// Modes: `deaf` ignores SIGTERM, `mute` stops beating after the first pulse, `parent` leaves a process behind
// that outlives it and whose pid is the line, a number ends it at once with that code.
import { spawn } from "node:child_process";
import { appendFileSync } from "node:fs";
import type { Pulse } from "#edge/guard/pulse.ts";

const [file = "", mode = ""] = process.argv.slice(2);

function note(): number | undefined {
  if (mode !== "parent") return process.pid;
  const options = { detached: true, stdio: "ignore" } as const;
  const child = spawn("sleep", ["60"], options);
  child.unref();
  return child.pid;
}

const begun = (): void => appendFileSync(file, `${note()}\n`);
if (/^\d+$/.test(mode)) {
  begun();
  process.exit(Number(mode));
}
const pulse: Pulse = { pulse: "alive" };
setInterval(() => mode === "mute" || process.send?.(pulse), 20);
process.on("SIGTERM", () => {
  if (mode !== "deaf") process.exit(0);
});
process.on("SIGHUP", () => appendFileSync(file, "SIGHUP\n"));
process.on("disconnect", () => process.exit(0));
// The line stands when all of it is ready and the guard is sure to hear the first pulse.
process.send?.(pulse, undefined, undefined, begun);
