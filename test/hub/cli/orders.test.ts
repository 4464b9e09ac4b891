import * as assert from "node:assert/strict";
import { parse } from "yaml";
import type { DeviceId } from "#shared/ids.ts";
import { reportedState } from "#test/hub/api/fixtures.ts";
import { suite } from "#test/suite.ts";
import { type CommandWorld, createCommandWorld } from "./command.ts";
import { addThreeDevices } from "./three_devices.ts";

const test = suite("fleet: orders", { limitMs: 240_000 });
let world: CommandWorld;
test.before(async () => {
  world = await createCommandWorld();
  await addThreeDevices(world);
});
test.after(() => world.close());

async function modeOf(id: string) {
  const row = await world.store.device(id as DeviceId);
  return [row?.mode, row?.modeReason, row?.retry];
}

test("hold and unhold change the mode with a reason, and only where it was", async () => {
  const held = await world.fleet(["hold", "pi-1", "--reason", "fair until Sunday"]);
  assert.deepEqual([held.code, held.stdout, held.stderr], [0, "device/pi-1 held\n", ""]);
  assert.deepEqual(await modeOf("pi-1"), ["hold", "fair until Sunday", 0]);
  const unheld = await world.fleet(["unhold", "pi-1", "pi-2", "--reason", "over"]);
  assert.equal(unheld.code, 0);
  assert.equal(unheld.stdout, "device/pi-1 unheld\n");
  assert.match(unheld.stderr, /pi-2 is not held \(mode: run\)/);
  assert.equal((await modeOf("pi-1"))[0], "run");
});

test("an order without a reason or without devices is refused", async () => {
  const reasonless = await world.fleet(["hold", "pi-1"]);
  assert.equal(reasonless.code, 2);
  assert.match(reasonless.stderr, /--reason/);
  for (const words of [[], ["pi-1", "--all"], ["-l", "a=b", "--all"]]) {
    const { code, stderr } = await world.fleet(["hold", ...words, "--reason", "x"]);
    assert.equal(code, 2);
    assert.match(stderr, /Give either names, -l SELECTOR or --all/);
  }
});

test("one unknown name among many stops the order before anything is done", async () => {
  const { code, stderr, stdout } = await world.fleet(["hold", "pi-2", "pi-9", "--reason", "x"]);
  assert.deepEqual([code, stdout], [5, ""]);
  assert.match(stderr, /no device is named "pi-9"/);
  assert.equal((await modeOf("pi-2"))[0], "run");
});

test("many are counted and listed, and nothing happens unless somebody says yes", async () => {
  const order = ["retry", "-l", "site=south", "--reason", "registry is back"];
  const unasked = await world.fleet(order);
  assert.deepEqual([unasked.code, unasked.stdout], [7, ""]);
  assert.match(unasked.stderr, /^2 devices to retry:\n {2}pi-2\n {2}pi-3\n.*--yes/);
  assert.equal((await world.fleet([...order, "--dry-run"])).code, 0);
  assert.equal((await modeOf("pi-2"))[2], 0);
  const done = await world.fleet([...order, "--yes"]);
  assert.equal(done.code, 0);
  assert.deepEqual(done.stdout.trim().split("\n").sort(), [
    "device/pi-2 asked to try again",
    "device/pi-3 asked to try again",
  ]);
  assert.equal((await modeOf("pi-3"))[2], 1);
});

test("safe mode by order ends with the order; a device's own ends by a retry", async () => {
  await world.fleet(["safe-mode", "enter", "pi-1", "--reason", "disk is changed"]);
  assert.equal((await modeOf("pi-1"))[0], "safe");
  const held = await world.fleet(["hold", "pi-1", "--reason", "x"]);
  assert.match(held.stderr, /pi-1 is ordered into safe mode/);
  assert.equal((await modeOf("pi-1"))[0], "safe");
  await world.fleet(["safe-mode", "leave", "pi-1", "--reason", "done"]);
  assert.equal((await modeOf("pi-1"))[0], "run");
  const id = "pi-3" as DeviceId;
  const own = { cause: "diskFull", message: "disk full", since: 1, serves: "lastGood" } as const;
  await world.store.changeDevices([{ id, reported: reportedState(id, { safeMode: own }) }]);
  const [, , before] = await modeOf("pi-3");
  const left = await world.fleet(["safe-mode", "leave", "pi-3", "--reason", "disk is free"]);
  assert.equal(left.stdout, "device/pi-3 asked to leave safe mode\n");
  assert.deepEqual((await modeOf("pi-3")).slice(0, 3), ["run", null, Number(before) + 1]);
});

test("where some devices fail, the others are done, the failed are named, and the code is 1", async () => {
  const { changeDevices } = world.store;
  world.store.changeDevices = async (changes) => {
    if (changes.some(({ id }) => id === "pi-2")) throw new Error("disk fault");
    return changeDevices(changes);
  };
  try {
    const outcome = await world.fleet(["hold", "--all", "--yes", "--reason", "x"]);
    assert.equal(outcome.code, 1);
    assert.match(outcome.stdout, /^device\/pi-1 held$/m);
    assert.match(outcome.stderr, /^pi-2: the hub failed to answer this request$/m);
    assert.match(outcome.stderr, /^1 of 3 devices did not take the order\.$/m);
    assert.equal((await world.fleet(["hold", "pi-2", "--reason", "y"])).code, 8);
  } finally {
    world.store.changeDevices = changeDevices;
  }
});

test("enroll gives a token that works once, alone or in an agent.yaml", async () => {
  const token = await world.fleet(["enroll", "pi-7", "--ttl", "10m"]);
  assert.match(token.stdout, /^[A-Za-z0-9_-]{43}\n$/);
  assert.match(token.stderr, /^Good for one enrolment until 20/);
  const words = ["enroll", "pi-8", "--agent-yaml", "--label", "site=north", "--label", "role=a"];
  const file = await world.fleet([...words, "--hub-url", "https://hub.example.org"]);
  const config = parse(file.stdout);
  assert.deepEqual(config.labels, { site: "north", role: "a" });
  assert.equal(config.hub.url, "https://hub.example.org");
  const body = {
    token: config.hub.token,
    device: "pi-8",
    labels: config.labels,
    nonce: "n".repeat(16),
  };
  assert.equal((await world.post("/v1/enroll", body)).status, 201);
  const other = await world.post("/v1/enroll", { ...body, nonce: "m".repeat(16) });
  assert.equal(other.status, 403);
  assert.equal((await world.fleet(["enroll", "--agent-yaml"])).code, 2);
  assert.equal((await world.fleet(["enroll", "pi-9", "--label", "nonsense"])).code, 2);
  assert.equal((await world.fleet(["enroll", "pi-9", "--ttl", "1s"])).code, 2);
});

test("open prints a link that signs a browser in", async () => {
  const { stdout } = await world.fleet(["open"]);
  const link = new URL(stdout.trim());
  assert.equal(link.origin, world.url);
  assert.equal(world.sessions.redeemCode(link.searchParams.get("code") ?? ""), "admin");
});

test("sync makes the hub fetch, and says what came of it", async () => {
  const poke = setInterval(() => {
    world.repository = { ...world.repository, fetchedAt: Date.now() };
  }, 100);
  try {
    const row = { branch: "main", head: "b".repeat(40), accepted: "a".repeat(40), checkedAt: 1 };
    await world.store.saveBranch({ ...row, refusal: null });
    const good = await world.fleet(["sync"]);
    assert.deepEqual([good.code, good.stdout], [0, "main bbbbbbb accepted\n"]);
    await world.store.saveBranch({ ...row, refusal: "fleet.yaml:3: no such role" });
    const refused = await world.fleet(["sync"]);
    assert.equal(refused.code, 1);
    assert.equal(refused.stdout, "main bbbbbbb refused, stays at aaaaaaa\n");
    assert.match(refused.stderr, /main: fleet\.yaml:3: no such role/);
    assert.ok(world.pokes >= 4);
  } finally {
    clearInterval(poke);
  }
  const words = { reachable: false, problem: "the repository does not answer", hint: "Check it." };
  world.repository = { ...world.repository, ...words };
  const away = await world.fleet(["sync", "--timeout", "300ms"]);
  assert.equal(away.code, 3);
  assert.match(away.stderr, /the repository does not answer\nCheck it\./);
});
