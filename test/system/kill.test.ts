import * as assert from "node:assert/strict";
import { suite } from "#test/suite.ts";
import { launchFleet, type TestFleet } from "#test/support/running_fleet.ts";

const test = suite("hub and agents killed", { limitMs: 300_000 });
let launched: TestFleet | undefined;

test.before(async () => {
  launched = await launchFleet({ runtime: "process" });
  await launched.converged();
});
test.after(async () => launched?.stop());

function fleet(): TestFleet {
  assert.ok(launched);
  return launched;
}

const robots = async (at: number): Promise<string[]> => {
  const device = fleet().fleet.devices[at] ?? "";
  const copies = await fleet().instances(device, "robots", "robot");
  return copies.map(({ id }) => id).sort();
};

/** Asks the device's workload all the while and counts the times that nobody answered. */
async function whileAsking(at: number, work: () => Promise<void>): Promise<number> {
  const port = await fleet().statusPort(fleet().fleet.devices[at] ?? "");
  let asking = true;
  let failures = 0;
  const loop = (async () => {
    while (asking) {
      const answer = await fetch(`http://127.0.0.1:${port}/health.json`).catch(() => undefined);
      if (answer?.status !== 200) failures += 1;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })();
  await work().finally(() => {
    asking = false;
  });
  await loop;
  return failures;
}

const showsWords = async (words: string): Promise<string> => {
  await fleet().edit("roles/signage/screen/show.sh", (text) =>
    text.replace(/\$DEVICE \S+:/, `$DEVICE ${words}:`),
  );
  return fleet().commit(`Screens: ${words}`);
};

const arrives = async (commit: string): Promise<void> => {
  const device = fleet().fleet.devices[0] ?? "";
  await fleet().until("the commit", async () => {
    const { current, sync, health } = await fleet().app(device, "signage");
    return current?.commit === commit && sync === "Synced" && health === "Healthy";
  });
  await fleet().converged();
};

for (const [who, names] of [
  ["an agent", (devices: readonly string[]) => [devices[0] ?? ""]],
  ["the hub", () => ["hub"]],
  ["the hub and every agent", (devices: readonly string[]) => ["hub", ...devices]],
] as const) {
  for (const delayMs of [0, 150, 600, 1500]) {
    test(`${who} killed ${delayMs} ms into an update: it converges, and what was healthy was never stopped`, async () => {
      const killed = names(fleet().fleet.devices);
      // What an earlier test killed when all was done may not be there again.
      await fleet().until("all that is killed", async () =>
        killed.every((name) => fleet().fleet.children.pid(name) !== undefined),
      );
      const before = await robots(0);
      const failures = await whileAsking(0, async () => {
        const commit = await showsWords(`says-${who.length}-${delayMs}`);
        await new Promise((resolve) => setTimeout(resolve, delayMs));
        for (const name of killed) fleet().kill(name);
        await arrives(commit);
      });
      assert.equal(failures, 0);
      assert.deepEqual(await robots(0), before);
    });
  }
}

test("no journal entry of any device is lost or doubled in the hub's store by all that", async () => {
  const device = fleet().fleet.devices[0] ?? "";
  const sequences = new Map<string, number[]>();
  let cursor = "";
  do {
    const page = await fleet().api<{
      items: { epoch: string; seq: number }[];
      next: string | null;
    }>(`/v1/devices/${device}/journal?limit=200${cursor}`);
    for (const { epoch, seq } of page.items) {
      sequences.set(epoch, [...(sequences.get(epoch) ?? []), seq]);
    }
    cursor = page.next === null ? "" : `&cursor=${encodeURIComponent(page.next)}`;
  } while (cursor !== "");
  assert.equal(sequences.size, 1);
  const [all = []] = sequences.values();
  const sorted = all.toSorted((a, b) => a - b);
  assert.deepEqual(
    sorted,
    Array.from({ length: sorted.length }, (_, at) => at + 1),
  );
});
