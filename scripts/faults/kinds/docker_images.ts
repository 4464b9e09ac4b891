// What an update wants of Docker cannot be had: its image, or the memory that it needs.
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Device } from "#scripts/faults/device.ts";
import { dockerWorld, type Engine } from "#scripts/faults/engine.ts";
import { createRegistry } from "#scripts/faults/engine_registry.ts";
import type { Fault, Scope, Trial } from "#scripts/faults/fault.ts";
import { notSurvived, pause } from "#scripts/faults/until.ts";

const common = {
  world: dockerWorld,
  alone: true,
  tries: ({ seeds }: Scope) => Math.min(seeds, 20),
} as const;

const imageBytes = 24 * 1024 * 1024;

export const registryUnreachable: Fault = {
  ...common,
  name: "registry-unreachable",
  says: "The registry goes away before or during the pull of a new image: the old release serves, until it is back.",
  needs: ["root", "dockerd", "docker-registry"],
  run: async (trial) => {
    const { world, device, random, seed, note } = trial;
    const { engine } = world;
    if (engine === undefined) throw new TypeError("the world has no Engine of its own");
    const before = await device.served();
    const registry = await createRegistry(join(world.directory, `registry-${seed}`));
    await registry.start();
    try {
      const image = await registry.offer(engine, `fleet/moving:${seed}`, randomBytes(imageBytes));
      if (seed % 2 === 1) await registry.kill();
      const files = await composeWith(trial, (text) => text.replace("${IMAGE}", image));
      const release = await device.release("good", { files });
      await pause(random.between(300, 2000));
      await registry.kill();
      const isHere = await has(engine, image);
      note(isHere ? "the pull was over by then" : "not pulled by then");
      await pause(random.between(2000, 6000));
      if (!isHere && (await device.served()) !== before) {
        throw notSurvived("what served does not any more, and the image is not here");
      }
      await registry.start();
      await device.converged(release, 90_000);
    } finally {
      await registry.kill();
      await device.release("good", { files: await composeWith(trial, (text) => text) });
    }
  },
};

export const memoryLimit: Fault = {
  ...common,
  name: "memory-limit",
  says: "A release that needs more memory than its container may have is killed by the kernel, and rolled back.",
  needs: ["root", "dockerd"],
  run: async (trial) => {
    const { device } = trial;
    const limited = await composeWith(trial, (text) => `${text}    mem_limit: 16m\n`);
    const files = { ...limited, [`roles/${device.id}/moving/serve.sh`]: greedy };
    await device.rolledBack(await device.release("hungry", { files }), 80_000);
    const mended = await composeWith(trial, (text) => text);
    const serve = await show(trial, device, "steady/serve.sh");
    await device.release("good", {
      files: { ...mended, [`roles/${device.id}/moving/serve.sh`]: serve },
    });
  },
};

/** It keeps more and more in a variable. */
const greedy = `text=0123456789abcdef
while true; do text="$text$text"; done
`;

/** The role's first compose.yaml, with another definition of the moving service, which stands last. */
async function composeWith(
  trial: Trial,
  change: (service: string) => string,
): Promise<Record<string, string>> {
  const text = await show(trial, trial.device, "compose.yaml");
  const at = text.lastIndexOf("  moving:");
  return {
    [`roles/${trial.device.id}/compose.yaml`]: text.slice(0, at) + change(text.slice(at)),
  };
}

async function has(engine: Engine, image: string): Promise<boolean> {
  return await engine.docker("image", "inspect", image).then(
    () => true,
    () => false,
  );
}

async function show({ world }: Trial, device: Device, name: string): Promise<string> {
  const first = device.releases().at(-1)?.commit ?? "HEAD";
  return await world.repository.show(first, `roles/${device.id}/${name}`);
}
