import * as assert from "node:assert/strict";
import { sentenceOf } from "#edge/page/history.ts";
import { ageText, bytesText, durationText } from "#edge/page/html.ts";
import { statusPage } from "#edge/page/page.ts";
import type { LocalStatus } from "#edge/page/status.ts";
import { entryAgeMs, type PageView, updateAgeMs, wallAgeMs } from "#edge/page/view.ts";
import { machine } from "#edge/plan/attempt.ts";
import { systemClock } from "#shared/clock.ts";
import { suite } from "#test/suite.ts";
import { healthyScene, safeModeScene, updatingScene } from "./scenes.ts";

const test = suite("page");

function viewOf(status: LocalStatus, more: Partial<PageView> = {}): PageView {
  return {
    ...{ status, liveness: { alive: true }, nowMs: systemClock.monotonicMs() },
    ...{ isSignedIn: true, canAct: true, tokenFile: "/boot/token" },
    ...more,
  };
}

const drawn = async (view: PageView): Promise<string> => String(await statusPage(view));

test("ages within this boot do not depend on the clock", () => {
  const status = healthyScene();
  const jumped = { ...status, at: 0 };
  const view = viewOf(jumped);
  const [event] = status.events ?? [];
  const [update] = status.updates;
  assert.ok(event && update);
  assert.equal(Math.round((entryAgeMs(view, event) ?? 0) / 60_000), 3);
  assert.equal(Math.round((updateAgeMs(view, update) ?? 0) / 60_000), 15);
  assert.equal(wallAgeMs(view, event.at), undefined, "a moment in the future has no age");
});

test("what an earlier boot wrote is not called younger than this boot", () => {
  const view = viewOf({ ...healthyScene(), at: 1_000_000 }, { nowMs: 600_000 });
  const before = { bootId: "another", monotonicMs: 5 };
  assert.equal(entryAgeMs(view, { ...before, at: 900_000 }), undefined);
  assert.equal(entryAgeMs(view, { ...before, at: 100_000 }), 900_000);
});

test("a moment without a sure age is shown by the device's clock", async () => {
  const page = await drawn(viewOf({ ...healthyScene(), at: 0 }));
  assert.match(page, />\d{4}-\d\d-\d\d \d\d:\d\d UTC<\/time>/);
  assert.match(page, />15 min ago<\/time>/);
});

test("every stage of the update machine is in a strip", async () => {
  const status = updatingScene();
  for (const stage of Object.keys(machine) as (keyof typeof machine)[]) {
    const running = (status.running ?? []).map((one) => ({ ...one, stage }));
    const page = await drawn(viewOf({ ...status, running }));
    const [, now = ""] = /<li class="now" aria-current="step">([^<]*)/.exec(page) ?? [];
    assert.equal(now.replace(" 40 %", ""), stage === "rollBack" ? "roll back" : stage);
  }
});

test("a chain is told once: with the app that it is about, else with the device", async () => {
  const why = [
    { reason: "NoDesiredState", message: "no desired state has arrived yet" },
    { reason: "NoHub", message: "the hub does not answer" },
  ];
  const alone = await drawn(viewOf({ ...healthyScene(), generation: 0, apps: [], why }));
  assert.match(alone, /<ol class="why"[^>]*><li[^>]*>no desired state.*<li[^>]*>the hub does/);
  const status = updatingScene();
  const both = await drawn(viewOf({ ...status, why }));
  assert.equal(both.match(/<ol class="why"/g)?.length, 1);
});

test("buttons are drawn only for those who may press them", async () => {
  for (const more of [{ isSignedIn: false }, { canAct: false }]) {
    for (const scene of [updatingScene(), safeModeScene()]) {
      assert.doesNotMatch(await drawn(viewOf(scene, more)), /action="\/v1/);
    }
  }
  const page = await drawn(viewOf(safeModeScene()));
  assert.match(page, /name="do" value="leave"/);
  assert.match(page, /action="\/v1\/retry"><button>Leave and try again/);
  assert.doesNotMatch(page, /value="enter"|Try again now/);
});

test("it asks again by itself only where no script does, and can be held still", async () => {
  assert.match(
    await drawn(viewOf(healthyScene(), { refreshSeconds: 30 })),
    /<noscript><meta http-equiv="refresh" content="30; url=\/"><\/noscript>/,
  );
  assert.doesNotMatch(await drawn(viewOf(healthyScene())), /http-equiv="refresh"/);
});

test("a disk below its reserve says by how much", async () => {
  const page = await drawn(viewOf(safeModeScene()));
  assert.match(
    page,
    /150 MB free\. <strong>It is short by 50 MB of the 200 MB that no download takes\./,
  );
});

test("the last deep check is told with what it found and what it could not look at", async () => {
  const told = async (deepCheck?: LocalStatus["deepCheck"]): Promise<string> => {
    const page = await drawn(viewOf({ ...healthyScene(), ...(deepCheck && { deepCheck }) }));
    return /<div id="deep-check">(.*?)<\/div>/s.exec(page)?.[1] ?? "";
  };
  const ran = { endedAgoMs: 720_000, tookMs: 3040, findings: [], failed: [] };
  assert.match(await told(), /<p>Last deep check: none since the agent started/);
  assert.match(await told(ran), /check: 12 min ago, took 3\.0 s; it found nothing wrong\.<\/p>$/);
  const findings = [{ check: "files of the releases", text: "web: <b> was changed" }];
  const failed = [{ check: "journal", code: "internal", message: "the worker is broken" }];
  const found = await told({ ...ran, findings, failed });
  assert.match(found, /it found:<\/p><ul><li>files of the releases: web: &lt;b&gt; was changed/);
  assert.match(
    found,
    /<li class="failure">journal: <strong>could not be checked<\/strong>: the worker/,
  );
  assert.match(await told({ ...ran, failed }), /it could not look at everything:<\/p><ul><li/);
});

test("an entry with anything in it becomes one line, escaped", async () => {
  const entry = { seq: 1, bootId: "b", at: 1, monotonicMs: 1, kind: "event" } as const;
  assert.equal(sentenceOf({ ...entry, body: {} }), "event");
  assert.equal(sentenceOf({ ...entry, body: { message: { a: 1 }, reason: 7 } }), "7");
  const body = { type: "Warning", reason: "Odd", message: "<script>alert(1)</script>" };
  const page = await drawn(viewOf({ ...healthyScene(), events: [{ ...entry, body }] }));
  assert.match(page, /Odd: &lt;script&gt;alert\(1\)/);
});

test("sizes, durations and ages are short and have units", () => {
  assert.deepEqual([0, 999, 1500, 20e6, 31.1e9].map(bytesText), [
    "0 B",
    "999 B",
    "1.5 kB",
    "20 MB",
    "31 GB",
  ]);
  assert.deepEqual([40, 9940, 9960, 89_000, 5 * 60_000, 3 * 86_400_000].map(durationText), [
    ...["0.0 s", "9.9 s", "10 s", "89 s", "5 min", "3 days"],
  ]);
  assert.deepEqual([-5, 400, 3000, 60_000].map(ageText), [
    "0 s ago",
    "0 s ago",
    "3 s ago",
    "60 s ago",
  ]);
});
