import * as assert from "node:assert/strict";
import { importedLife, readInventory } from "#hub/run/inventory.ts";
import { FleetError } from "#shared/errors.ts";
import { suite } from "#test/suite.ts";

const test = suite("inventory files");

const csv = (text: string) => readInventory(text, { file: "shelf.csv", format: "csv" });
const yaml = (text: string) => readInventory(text, { file: "shelf.yaml", format: "yaml" });
const head = "apiVersion: metrica.fleet/v1\nkind: Inventory\n";

function fault(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof FleetError) return error.sentence;
    throw error;
  }
  throw new Error("it was not refused");
}

test("CSV may have quotes, line breaks in fields, CRLF, a byte order mark and empty fields", () => {
  const text =
    '\uFEFFid,serial,labels.site,note,mac\r\npi-1,007,north,"a ""good"" one,\nsays Ann",B8-27-EB-00-11-22\r\n\r\npi-2,,,\r\n';
  assert.deepEqual(csv(text), [
    {
      ...{ id: "pi-1", serial: "007", labels: { site: "north" } },
      ...{ note: 'a "good" one,\nsays Ann', mac: "b8:27:eb:00:11:22" },
    },
    { id: "pi-2", labels: {} },
  ]);
});

test("YAML and JSON have the same devices", () => {
  const devices = [{ id: "pi-1", labels: { site: "north" }, model: "Pi 5" }];
  const json = { apiVersion: "metrica.fleet/v1", kind: "Inventory", devices };
  assert.deepEqual(yaml(JSON.stringify(json)), devices);
  assert.deepEqual(
    yaml(`${head}devices:\n  - id: pi-1\n    labels: { site: north }\n    model: Pi 5\n`),
    devices,
  );
});

const faults: [act: () => unknown, sentence: RegExp][] = [
  [() => csv(""), /^shelf\.csv:1: has no header/],
  [() => csv("name\npi-1\n"), /^shelf\.csv:1: "name" is no column; there are id, /],
  [() => csv("serial\n1\n"), /^shelf\.csv:1: has no column "id"/],
  [() => csv("id,id\n"), /^shelf\.csv:1: the column "id" stands here twice/],
  [() => csv("id\npi-1\nPI_2\n"), /^shelf\.csv:3: id: must be 1 to 63 characters/],
  [() => csv("id,serial\n,7\n"), /^shelf\.csv:2: id: is missing/],
  [() => csv("id\npi-1,x\n"), /^shelf\.csv:2: has 2 fields; the header has 1/],
  [
    () => csv('id,note\npi-1,"a\nb"\npi-1,\n'),
    /^shelf\.csv:4: id: the device "pi-1" stands here twice/,
  ],
  [() => csv('id,note\npi-1,"a\n'), /^shelf\.csv:2: has a quote that is not closed/],
  [() => csv('id,note\npi-1,"a"b\n'), /^shelf\.csv:2: goes on after a closing quote/],
  [() => csv('id,note\npi-1,a"b\n'), /^shelf\.csv:2: has a quote in the middle of a field/],
  [() => csv("id,labels.site\npi-1,a b\n"), /^shelf\.csv:2: labels\.site: must be a label value/],
  [
    () => yaml(`${head}devices:\n  - id: pi-1\n    mac: x\n`),
    /^shelf\.yaml:5: devices\.0\.mac: must be a MAC/,
  ],
  [
    () => yaml(`${head}devices:\n  - id: a\n  - id: a\n`),
    /^shelf\.yaml:5: devices\.1\.id: the device "a" stands/,
  ],
  [() => yaml(`${head}devices: []\n`), /^shelf\.yaml:3: devices: /],
];
for (const [act, sentence] of faults) {
  test(`is refused by line and field: ${sentence.source}`, () =>
    assert.match(fault(act), sentence));
}

test("the same file again is no change, and a known device keeps its phase", () => {
  const [record] = csv("id,serial\npi-1,7\n");
  assert.ok(record !== undefined);
  const life = importedLife(undefined, record, 5);
  assert.equal(life.phase, "FACTORY_READY");
  const ready = { ...life, phase: "READY" as const };
  assert.equal(importedLife(ready, record, 9), ready);
  const [changed] = csv("id,serial\npi-1,8\n");
  assert.ok(changed !== undefined);
  assert.deepEqual(importedLife(ready, changed, 9), { ...ready, inventory: { serial: "8" } });
});
