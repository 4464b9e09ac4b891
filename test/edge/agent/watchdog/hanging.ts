// A program with a watch thread that hangs as it is told to: `hanging.ts LIMIT-MS MODE`.
import { createWatchThread } from "#edge/agent/watchdog/thread.ts";
import { systemClock } from "#shared/clock.ts";

const [limit = "", mode = ""] = process.argv.slice(2);
const thread = createWatchThread({ limitMs: Number(limit), startingMs: 180_000 });
await thread.start();
thread.ready();
thread.alive("start of web");
process.stdout.write("ready\n");
if (mode === "block") Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
if (mode === "spin") for (;;) Math.random();
if (mode === "starve") for (;;) await Promise.resolve();
if (mode === "overdue") thread.hung("stop of web does not end");
if (mode === "stopping") thread.stopping(200);
if (mode === "end") process.exit(0);
if (mode === "feed") {
  for (let round = 0; round < 24; round += 1) {
    await systemClock.sleep(Number(limit) / 16);
    thread.alive("observe");
  }
  await thread.stop();
  await systemClock.sleep(2 * Number(limit));
} else if (mode !== "") {
  await systemClock.sleep(60_000);
}
