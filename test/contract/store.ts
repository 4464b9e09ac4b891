// What every store must do, whatever database stands behind it: one suite, run against each.
import assert from "node:assert/strict";
import type { DeviceQuery, Store } from "#hub/store/port.ts";
import type { DeviceId } from "#shared/ids.ts";
import { parseSelector } from "#shared/selector.ts";
import { suite } from "#test/suite.ts";
import { aReport, desiredRow, enrolFleet, id } from "./rows.ts";
import { credentials } from "./store_credentials.ts";
import { type Check, events, journal, releases } from "./store_history.ts";
import { pruning } from "./store_prune.ts";
import { rollouts } from "./store_rollouts.ts";
import { telemetry } from "./store_telemetry.ts";

export interface OpenedStore {
  store: Store;
  readonly dispose: () => Promise<void>;
}

/** Declares the suite.
 *  @param open an empty store; called once per test */
export function storeContract(subject: string, open: () => Promise<OpenedStore>): void {
  const test = suite(subject);
  const check = (name: string, body: (store: Store) => Promise<void>): void =>
    test(name, async () => {
      const { store, dispose } = await open();
      try {
        await body(store);
      } finally {
        await dispose();
      }
    });
  devices(check);
  pages(check);
  credentials(check);
  desired(check);
  journal(check);
  events(check);
  releases(check);
  pruning(check);
  rollouts(check);
  telemetry(check);
}

function devices(check: Check): void {
  check("a new device is Offline and Unknown and carries the agent's labels", async (store) => {
    const row = await store.enrol(id("pi-1"), "h", { site: "a" }, 1000);
    assert.equal(row.connection, "Offline");
    assert.equal(row.sync, "Unknown");
    assert.equal(row.lastSeenAt, null);
    assert.deepEqual(row.labels, { site: "a" });
    assert.deepEqual(await store.device(id("pi-1")), row);
    assert.equal(await store.device(id("pi-2")), null);
  });
  check("enrolling again replaces the secret and keeps what is known", async (store) => {
    await store.enrol(id("pi-1"), "old", { site: "a" }, 1000);
    await store.changeDevices([{ id: id("pi-1"), labels: { site: "b" }, health: "Healthy" }]);
    const row = await store.enrol(id("pi-1"), "new", { site: "c" }, 2000);
    assert.equal(await store.secretHash(id("pi-1")), "new");
    assert.deepEqual([row.labels, row.agentLabels], [{ site: "b" }, { site: "c" }]);
    assert.deepEqual([row.health, row.enrolledAt], ["Healthy", 1000]);
  });
  check("changes set only the fields they name and leave out unknown devices", async (store) => {
    await enrolFleet(store, 3);
    const reported = aReport("pi-0000", { observedGeneration: 4 });
    await store.changeDevices([
      { id: id("pi-0000"), reported, observedGeneration: 4, sync: "Synced" },
      { id: id("pi-0001"), lastSeenAt: 77, connection: "Online", bootId: "b", heartbeatMs: 500 },
      { id: id("ghost"), lastSeenAt: 78, connection: "Online", labels: { site: "x" } },
    ]);
    const [first, second] = await store.allDevices();
    assert.deepEqual(first?.reported, reported);
    assert.deepEqual([first?.observedGeneration, first?.lastSeenAt], [4, null]);
    assert.deepEqual([second?.lastSeenAt, second?.bootId, second?.heartbeatMs], [77, "b", 500]);
    assert.equal(await store.device(id("ghost")), null);
    assert.equal((await store.allDevices()).length, 3);
  });
  check("of two changes of one device in a batch the later wins field by field", async (store) => {
    await enrolFleet(store, 1);
    const device = id("pi-0000");
    await store.changeDevices([
      { id: device, connection: "Online", health: "Degraded" },
      { id: device, connection: "Stale" },
    ]);
    const row = await store.device(device);
    assert.deepEqual([row?.connection, row?.health], ["Stale", "Degraded"]);
  });
  check("a batch of 600 devices is stored whole", async (store) => {
    const ids = await enrolFleet(store, 600);
    await store.changeDevices(ids.map((device, at) => ({ id: device, lastSeenAt: at + 1 })));
    const statuses = await store.deviceStatuses();
    assert.equal(statuses.filter(({ lastSeenAt }) => lastSeenAt !== null).length, 600);
    assert.equal((await store.deviceStatuses(ids.slice(0, 550))).length, 550);
  });
  check("reads many devices at once, by id, and passes over unknown ones", async (store) => {
    const ids = await enrolFleet(store, 600);
    const wanted = [id("ghost"), ...ids.slice(10, 590).toReversed()];
    const rows = await store.allDevices(wanted);
    assert.deepEqual(
      rows.map((row) => row.id),
      ids.slice(10, 590),
    );
    assert.deepEqual(await store.allDevices([]), []);
  });
  check("counts the devices that a selector matches", async (store) => {
    const ids = await enrolFleet(store, 6);
    await store.changeDevices([{ id: ids[1] ?? id("x"), sync: "Synced", health: "Healthy" }]);
    const counts = await store.counts(parseSelector("site=site-1,n notin (3)"));
    assert.deepEqual([counts.devices, counts.sync.Synced, counts.health.Healthy], [2, 1, 1]);
    assert.equal((await store.counts(parseSelector("site=none"))).devices, 0);
    assert.equal((await store.counts([])).devices, 6);
  });
  check("counts the fleet and its sites by the effective labels", async (store) => {
    const ids = await enrolFleet(store, 4);
    await store.changeDevices([
      { id: ids[0] ?? id("x"), labels: { site: "moved" }, connection: "Online" },
      { id: ids[1] ?? id("x"), health: "Degraded", connection: "Stale", sync: "OutOfSync" },
    ]);
    const counts = await store.counts();
    assert.equal(counts.devices, 4);
    assert.deepEqual(counts.connection, { Online: 1, Stale: 1, Offline: 2 });
    assert.equal(counts.health.Degraded, 1);
    const sites = await store.siteCounts();
    assert.deepEqual(
      sites.map(({ site, devices: total }) => [site, total]),
      [
        ["moved", 1],
        ["site-0", 1],
        ["site-1", 2],
      ],
    );
  });
}

function pages(check: Check): void {
  const query: DeviceQuery = { selector: [], sort: "id", order: "asc", limit: 4 };
  check("pages go through every device once, in both orders", async (store) => {
    const ids = await enrolFleet(store, 10);
    for (const order of ["asc", "desc"] as const) {
      const seen = await everyPage(store, { ...query, order });
      assert.deepEqual(seen, order === "asc" ? ids : ids.toReversed());
    }
  });
  check("pages by last seen keep their place among equal times", async (store) => {
    const ids = await enrolFleet(store, 9);
    await store.changeDevices(ids.map((device, n) => ({ id: device, lastSeenAt: 5 + (n % 2) })));
    const seen = await everyPage(store, { ...query, sort: "lastSeen" });
    assert.deepEqual(seen.toSorted(), ids);
    assert.equal(seen[0], "pi-0000");
    assert.equal(seen[5], "pi-0001");
  });
  check("a page stays right when devices come in before its cursor", async (store) => {
    await enrolFleet(store, 6);
    const first = await store.devices(query);
    await store.enrol(id("aaa"), "h", {}, 1);
    const second = await store.devices({ ...query, cursor: first.next ?? "" });
    assert.deepEqual(
      second.rows.map((row) => row.id),
      ["pi-0004", "pi-0005"],
    );
    assert.equal(second.next, null);
  });
  check("selects by labels as Kubernetes does, together with status", async (store) => {
    await enrolFleet(store, 6);
    await store.enrol(id("bare"), "h", {}, 1);
    await store.changeDevices([{ id: id("pi-0001"), connection: "Online" }]);
    const select = async (text: string): Promise<string[]> =>
      (await store.devices({ ...query, limit: 50, selector: parseSelector(text) })).rows.map(
        (row) => row.id,
      );
    assert.deepEqual(await select("site=site-1"), ["pi-0001", "pi-0003", "pi-0005"]);
    assert.deepEqual(await select("site=site-1,n in (1, 5)"), ["pi-0001", "pi-0005"]);
    assert.deepEqual(await select("site!=site-1,site!=site-0"), ["bare"]);
    assert.deepEqual(await select("!site"), ["bare"]);
    assert.equal((await select("site")).length, 6);
    const online = await store.devices({ ...query, connection: "Online" });
    assert.deepEqual(
      online.rows.map((row) => row.id),
      ["pi-0001"],
    );
  });
  check("refuses a cursor that is none, and one of another order", async (store) => {
    await enrolFleet(store, 6);
    const byId = await store.devices(query);
    const bad = [{ ...query, cursor: "AAAA" }];
    const other = { ...query, sort: "lastSeen" as const, cursor: byId.next ?? "" };
    for (const wrong of [...bad, other]) {
      await assert.rejects(store.devices(wrong), { code: "request_invalid" });
    }
  });
}

async function everyPage(
  store: Store,
  query: Parameters<Store["devices"]>[0],
): Promise<DeviceId[]> {
  const seen: DeviceId[] = [];
  let cursor: string | null = null;
  do {
    const page = await store.devices(cursor === null ? query : { ...query, cursor });
    seen.push(...page.rows.map((row) => row.id));
    cursor = page.next;
  } while (cursor !== null);
  return seen;
}

function desired(check: Check): void {
  check("a desired state is replaced only by a higher generation", async (store) => {
    await enrolFleet(store, 1);
    await store.saveDesired(desiredRow("pi-0000", 5, "five"));
    await store.saveDesired(desiredRow("pi-0000", 4, "four"));
    await store.saveDesired(desiredRow("pi-0000", 5, "other"));
    assert.deepEqual(await store.desired(id("pi-0000")), desiredRow("pi-0000", 5, "five"));
    const device = await store.device(id("pi-0000"));
    assert.deepEqual([device?.desiredGeneration, device?.desiredHash], [5, "five"]);
  });
  check("saves many desired states at once and leaves out unknown devices", async (store) => {
    await enrolFleet(store, 3);
    const rows = ["pi-0000", "ghost", "pi-0002"].map((name) => desiredRow(name, 1, "one"));
    await store.saveManyDesired(rows);
    const stored = await store.allDesired();
    assert.deepEqual(
      stored.map(({ device }) => device),
      ["pi-0000", "pi-0002"],
    );
    assert.equal(await store.desired(id("ghost")), null);
  });
}
