// Rollouts, as `rollout list` shows them.
import type { RolloutSummary } from "#hub/api/rollout_view.ts";
import type { Client } from "#hub/cli/api/client.ts";
import type { RolloutFilter } from "#hub/cli/api/rollouts.ts";
import { rolloutTone } from "#hub/cli/views/rollout_words.ts";
import { type Resource, shortId, when } from "./resource.ts";
import { deploymentNamed } from "./unknown.ts";

export const rollouts: Resource<RolloutSummary> = {
  kind: "rollout",
  isUnique: true,
  fields: ["deployment", "state"],
  sorts: [],
  takesSelector: false,
  columns: (view) => [
    { title: "ID", text: ({ id }) => String(id) },
    { title: "DEPLOYMENT", text: ({ deployment }) => deployment },
    { title: "STATE", text: ({ state }) => state, tone: ({ state }) => rolloutTone(state) },
    { title: "STEP", text: ({ step, steps }) => `${step}/${steps}` },
    { title: "BRANCH", text: ({ branch }) => branch },
    { title: "COMMIT", text: ({ commit }) => shortId(commit) },
    {
      title: view.times === "age" ? "AGE" : "BEGAN",
      text: ({ beganAt }) => when(beganAt, view),
    },
    { title: "BY", text: ({ operator }) => operator ?? "" },
    { title: "REASON", text: ({ reason }) => reason ?? "", atLeast: 12 },
    { title: "QUARANTINED", text: ({ quarantined }) => (quarantined ? "yes" : ""), isWide: true },
    { title: "DIGEST", text: ({ digest }) => digest, isWide: true },
  ],
  nameOf: ({ id }) => String(id),
  async *list(client, { deployment, state, limit }) {
    const filter = {
      ...(deployment === undefined ? {} : { deployment: String(deployment) }),
      ...(state === undefined ? {} : { state: String(state) }),
    };
    const found = await client.rollouts.list(filter, Number(limit ?? 20));
    if (found.length === 0) await requireKnown(client, filter);
    yield* found;
  },
};

/** One that is gone from the repository may still have rollouts. */
async function requireKnown(client: Client, { deployment }: RolloutFilter): Promise<void> {
  if (deployment === undefined) return;
  const [any] = await client.rollouts.list({ deployment }, 1);
  if (any === undefined) await deploymentNamed(client, deployment);
}
