import * as assert from "node:assert/strict";
import {
  type Happening,
  type Lifecycle,
  lifeAfter,
  newLifecycle,
  next,
  Phase,
} from "#hub/run/phase.ts";
import type { DeviceId } from "#shared/ids.ts";
import { suite } from "#test/suite.ts";

const test = suite("phases of a device");
const why = { reason: "Because", message: "it happened" };
const born = newLifecycle("pi-1" as DeviceId, 1000);

/** Phase, P: Provisioned, N: NeedsIntervention. */
function shown({ phase, provisioned, needsIntervention }: Lifecycle): string {
  const p = provisioned.status === "True" ? "P" : "-";
  return `${phase} ${p}${needsIntervention.status === "True" ? "N" : "-"}`;
}

function lived(...happenings: Happening[]): Lifecycle {
  return happenings.reduce((life, what, at) => lifeAfter(life, what, why, 2000 + at), born);
}

const lives: [Happening[], string][] = [
  [[], "FACTORY_READY --"],
  [["enrolled"], "READY P-"],
  [["beganProvisioning"], "PROVISIONING --"],
  [["beganProvisioning", "succeededReady"], "READY P-"],
  [["beganProvisioning", "broken"], "MAINTENANCE -N"],
  [["beganProvisioning", "broken", "beganProvisioning", "succeededReady"], "READY P-"],
  [["enrolled", "serving"], "IN_SERVICE P-"],
  [["enrolled", "serving", "idle"], "READY P-"],
  [["enrolled", "serving", "beganMaintenance"], "MAINTENANCE P-"],
  [["enrolled", "serving", "beganMaintenance", "succeededReady"], "READY P-"],
  [["enrolled", "serving", "beganMaintenance", "broken"], "MAINTENANCE PN"],
  [["enrolled", "serving", "beganMaintenance", "broken", "released"], "READY P-"],
  [["enrolled", "serving", "beganMaintenance", "broken", "beganMaintenance"], "MAINTENANCE PN"],
  [["enrolled", "serving", "withdrawn"], "MAINTENANCE P-"],
  [["enrolled", "withdrawn", "released"], "READY P-"],
  [["enrolled", "beganMaintenance", "succeededRma"], "RMA --"],
  [["beganMaintenance", "succeededRma"], "RMA --"],
  [["enrolled", "beganMaintenance", "broken", "beganMaintenance", "succeededRma"], "RMA --"],
  [["enrolled", "beganMaintenance", "succeededRma", "replaced"], "READY P-"],
];

for (const [happenings, expected] of lives) {
  test(`${["born", ...happenings].join(", ")}: ${expected}`, () => {
    assert.equal(shown(lived(...happenings)), expected);
  });
}

test("every phase is reached and left by what happens", () => {
  const reached = new Set(Object.values(next).flatMap((row): Phase[] => Object.values(row)));
  assert.deepEqual([...reached, "FACTORY_READY"].toSorted(), Phase.options.toSorted());
  for (const phase of Phase.options) {
    const others = Object.values<Phase>(next[phase]).filter((other) => other !== phase);
    assert.ok(others.length > 0, `${phase} is never left`);
  }
});

test("rma is left by other hardware alone", () => {
  const gone = lived("enrolled", "beganMaintenance", "succeededRma");
  const all = new Set(Object.values(next).flatMap((row) => Object.keys(row) as Happening[]));
  for (const what of all) {
    if (what === "replaced") continue;
    assert.equal(lifeAfter(gone, what, why, 9000), gone, what);
  }
});

test("a condition keeps its time while its status stays, and the phase its own", () => {
  const first = lived("enrolled", "beganMaintenance", "broken");
  const again = lifeAfter(first, "broken", { reason: "Again", message: "and again" }, 9000);
  assert.equal(again.since, first.since);
  assert.deepEqual(again.needsIntervention, {
    ...{ type: "NeedsIntervention", status: "True", reason: "Again", message: "and again" },
    lastTransitionTime: first.needsIntervention.lastTransitionTime,
  });
});
