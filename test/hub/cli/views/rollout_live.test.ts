// The picture of a rollout on a terminal: as high as the screen, and never over words that came between.
import * as assert from "node:assert/strict";
import type { RolloutDevice, RolloutView } from "#hub/api/rollout_view.ts";
import { createLive } from "#hub/cli/views/rollout_live.ts";
import { suite } from "#test/suite.ts";

const test = suite("a rollout that is drawn");
const plan = Array.from({ length: 6 }, (_, at) => ({ name: `step ${at}`, approval: false }));
const members = Array.from({ length: 12 }, (_, at) => ({
  ...{ device: `pi-${at}`, state: "Failed", step: 1, reason: null },
})) as unknown as RolloutDevice[];
const view = {
  ...{ id: 1, deployment: "robots", step: 1, steps: 6, branch: "main", commit: "1a2b3c4d" },
  ...{ state: "Progressing", waitsFor: null, operator: null, reason: null, beganAt: 0, plan },
  devices: { Failed: 12 },
} as unknown as RolloutView;

function screen(height: number | undefined) {
  const written: string[] = [];
  const terminal = {
    ...{ width: 80, height, isInteractive: true, paint: (text: string) => text },
    out: (text: string): void => void written.push(text),
  };
  const live = createLive(terminal, {}, () => 1000);
  return { live, written };
}

const begin = "\u001B[";

/** How many rows the cursor went up before the picture. */
function back(text: string): string | undefined {
  const [rows, ...more] = text.startsWith(begin) ? text.slice(begin.length).split("A", 1) : [];
  return more.length === 0 ? rows : undefined;
}

test("a picture is never higher than the screen can go back over", () => {
  const { live, written } = screen(10);
  live.show({ view, members });
  live.show({ view, members });
  assert.equal(written[0]?.split("\n").length, 9);
  assert.equal(back(written[1] ?? ""), "9");
  const tall = screen(undefined);
  tall.live.show({ view, members });
  assert.equal(tall.written[0]?.split("\n").length, 21);
});

test("words that were written below it stay: the next picture begins after them", () => {
  const { live, written } = screen(50);
  live.show({ view, members });
  live.show({ view, members });
  live.leave();
  live.show({ view, members });
  assert.deepEqual(written.map(back), [undefined, "21", undefined]);
});
