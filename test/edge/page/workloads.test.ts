import * as assert from "node:assert/strict";
import { statusPage } from "#edge/page/page.ts";
import { AppName } from "#shared/ids.ts";
import type { WorkloadReport } from "#shared/telemetry.ts";
import { suite } from "#test/suite.ts";
import { statusOf } from "./fixture.ts";

const test = suite("page: workloads");

async function drawn(workloads?: WorkloadReport[]): Promise<string> {
  const status = statusOf(workloads === undefined ? {} : { workloads });
  return String(
    await statusPage({
      ...{ status, liveness: { alive: true }, nowMs: 1_000_000 },
      ...{ isSignedIn: false, canAct: true, tokenFile: "/boot/token" },
    }),
  );
}

const said = { app: AppName.parse("web"), service: "arm", at: statusOf().at - 5000 };

test("each copy is shown with its state, its words and when it said them", async () => {
  const page = await drawn([
    {
      ...said,
      instance: 1,
      state: "operational",
      battery: { charge: 0.128, charging: true },
      task: { name: "patrol", state: "running", progress: 0.5 },
      extensions: { gripper: "<open>" },
    },
    { ...said, instance: 2, state: "down", message: "wheel stuck" },
  ]);
  assert.match(page, /What web says of itself/);
  assert.match(page, /arm 1<\/th>.*badge warn">operational.*low battery 12\.8 %, charging/s);
  assert.match(page, /task patrol running 50 %, gripper=&lt;open&gt;/);
  assert.match(page, /arm 2<\/th>.*badge bad">down.*wheel stuck.*5 s ago/s);
});

test("an app that says nothing has no such table", async () => {
  assert.ok(!(await drawn()).includes("says of itself"));
});
