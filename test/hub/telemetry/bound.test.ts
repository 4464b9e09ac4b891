import * as assert from "node:assert/strict";
import type { SiteAppWorkloads } from "#hub/store/telemetry_port.ts";
import { boundGroups } from "#hub/telemetry/bound.ts";
import { saying } from "#test/contract/telemetry_rows.ts";
import { suite } from "#test/suite.ts";

const test = suite("hub/telemetry/bound");

function at(site: string | null, operational: number): SiteAppWorkloads {
  return { site, ...saying("robot", { operational, down: 1 }) };
}

test("as many groups as there may be keep their names", () => {
  const { groups, omitted } = boundGroups([at("a", 1), at(null, 5)], 2);
  assert.deepEqual(
    [groups.map(({ site, app }) => `${site}/${app}`), omitted],
    [["/robot", "a/robot"], 0],
  );
});

test("the smallest are summed up in one, so that no copy is lost from the totals", () => {
  const rows = [at("a", 1), at("b", 9), at("c", 2), at("d", 8)];
  const { groups, omitted } = boundGroups(rows, 2);
  assert.equal(omitted, 2);
  assert.deepEqual(
    groups.map(({ site, app, counts }) => [
      site,
      app,
      counts.operational,
      counts.down,
      counts.total,
    ]),
    [
      ["b", "robot", 9, 1, 10],
      ["d", "robot", 8, 1, 9],
      ["_other", "_other", 3, 2, 5],
    ],
  );
});

test("ten thousand sites make no more groups than five hundred and the rest", () => {
  const rows = Array.from({ length: 10_000 }, (_, n) => at(`site-${n}`, n));
  assert.equal(boundGroups(rows, 500).groups.length, 501);
});
