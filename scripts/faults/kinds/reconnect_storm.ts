// Two hundred devices lose their hub and come back at once.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterwards } from "#scripts/faults/afterwards.ts";
import type { Fault } from "#scripts/faults/fault.ts";
import { createProgram, type Program } from "#scripts/faults/program.ts";
import { notSurvived, until } from "#scripts/faults/until.ts";
import type { World } from "#scripts/faults/world.ts";

const simulated = 200;
/** The longest that they may take to come, and to come back. */
const longestMs = 90_000;

export const reconnectStorm: Fault = {
  name: "reconnect-storm",
  says: "200 simulated devices and the real ones reconnect at once to a hub that was killed.",
  alone: true,
  tries: ({ seeds }) => Math.min(seeds, 3),
  run: async ({ world, device, seed, note }) => {
    const crowd = startCrowd(world, seed);
    try {
      await crowd.connected(simulated, "all devices are there");
      await world.hub.program.kill();
      await crowd.connected(0, "all have lost their hub");
      const release = await device.release("good", { poke: false });
      await world.hub.start();
      const began = performance.now();
      const since = (): string => ((performance.now() - began) / 1000).toFixed(1);
      await device.converged(release);
      note(`a real device converged ${since()} s after the hub was back`);
      await crowd.connected(simulated, "all are back");
      note(`all ${simulated} were back after ${since()} s`);
    } finally {
      await crowd.end();
    }
  },
};

interface Crowd {
  /** Until so many are connected. */
  connected(count: number, what: string): Promise<void>;
  end(): Promise<void>;
}

function startCrowd({ hub, directory }: World, seed: number): Crowd {
  const logFile = join(directory, `crowd-${seed}.log`);
  const program: Program = createProgram({ entry: "scripts/simulate/main.ts", logFile });
  const seconds = (longestMs * 3) / 1000;
  program.start({
    args: [
      ...["--devices", String(simulated), "--seconds", String(seconds), "--json"],
      ...["--prefix", `crowd-${seed}`, "--hub", hub.url],
      ...["--token-file", join(hub.dataDirectory, "operator.token")],
    ],
  });
  // It may have ended by itself.
  const last = afterwards(["sh", "-c", `kill ${program.pid()} 2>/dev/null || true`]);
  /** As its last line of progress has it. */
  const count = async (): Promise<number | undefined> => {
    if (!program.running()) throw notSurvived("the simulator has ended");
    const found = [...(await readFile(logFile, "utf8")).matchAll(/^(\d+)\/\d+ connected/gm)].at(-1);
    return found === undefined ? undefined : Number(found[1]);
  };
  return {
    connected: async (wanted, what) => {
      let seen: number | undefined;
      const look = async (): Promise<boolean> => {
        seen = await count();
        return seen === wanted;
      };
      const tell = (): string => `${seen ?? 0} of ${simulated} are connected`;
      await until(what, look, { limitMs: longestMs, pauseMs: 250, tell });
    },
    end: async () => {
      await last.run();
      await program.stop();
    },
  };
}
