// Where most tests of the loop begin: release a serves, with a probe.
import type { World } from "./world.ts";

export const withProbe = `apiVersion: metrica.fleet/v1
kind: Role
health: { probes: [{ http: "http://127.0.0.1:1/" }] }
`;

/** @returns the ids of its copies */
export async function serving(world: World): Promise<Record<string, string>> {
  const spec = world.want({ letter: "a", role: withProbe });
  world.start();
  await world.converged(spec);
  return world.copies();
}

export const removals = (world: World): string[] =>
  world.runtime.calls.filter((call) => call.startsWith("remove"));

/** Of all updates, the newest first. */
export const outcomes = (world: World): string =>
  world
    .journal()
    .updates({ limit: 50 })
    .map(({ outcome }) => outcome)
    .join(" ");

/** A hub that answers no download before it is opened. */
export function slowHub(world: World): () => void {
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  world.hub.misbehave(async (_, bytes) => {
    await gate;
    return new Response(new Uint8Array(bytes));
  });
  return open;
}
