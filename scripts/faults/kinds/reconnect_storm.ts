// Two hundred devices lose their hub and come back at once.
import { spawn } from "node:child_process";
import { join } from "node:path";
import type { Fault } from "#scripts/faults/fault.ts";
import { notSurvived, pause } from "#scripts/faults/until.ts";

const root = join(import.meta.dirname, "..", "..", "..");
const simulated = 200;
const seconds = 60;

export const reconnectStorm: Fault = {
  name: "reconnect-storm",
  says: "200 simulated devices and the real ones reconnect at once to a hub that was killed.",
  alone: true,
  tries: ({ seeds }) => Math.min(seeds, 3),
  run: async ({ world, device, note }) => {
    const crowd = startCrowd(world.hub.url, join(world.hub.dataDirectory, "operator.token"));
    await pause((seconds * 1000) / 3);
    await world.hub.program.kill();
    await device.release("good", { poke: false });
    await world.hub.start();
    const began = performance.now();
    const [release] = device.releases();
    if (release !== undefined) await device.converged(release);
    note(
      `a real device converged ${((performance.now() - began) / 1000).toFixed(1)} s after the hub was back`,
    );
    const { connected } = await crowd;
    if (connected < simulated) throw notSurvived(`${connected} of ${simulated} came back`);
  },
};

async function startCrowd(hub: string, tokenFile: string): Promise<{ connected: number }> {
  const options = ["--devices", String(simulated), "--seconds", String(seconds), "--json"];
  const target = ["--hub", hub, "--token-file", tokenFile];
  const child = spawn(
    process.execPath,
    ["scripts/run.mjs", "scripts/simulate/main.ts", ...options, ...target],
    { cwd: root, stdio: ["ignore", "pipe", "ignore"] },
  );
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  await new Promise((resolve) => child.once("close", resolve));
  return JSON.parse(text) as { connected: number };
}
