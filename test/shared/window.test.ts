import * as assert from "node:assert/strict";
import { isOpen, MaintenanceWindow, nextOpening } from "#shared/window.ts";
import { suite } from "#test/suite.ts";

const test = suite("maintenance windows");

const at = (text: string): number => Date.parse(text);

/** 2026-11-21 is a Saturday. */
const cases: [name: string, window: MaintenanceWindow, instant: string, open: boolean][] = [
  ["inside", { from: "02:00", to: "05:00" }, "2026-11-21T02:00:00Z", true],
  ["at its end", { from: "02:00", to: "05:00" }, "2026-11-21T05:00:00Z", false],
  ["over midnight, before it", { from: "22:00", to: "04:00" }, "2026-11-21T23:59:59Z", true],
  ["over midnight, after it", { from: "22:00", to: "04:00" }, "2026-11-22T03:59:00Z", true],
  ["over midnight, outside", { from: "22:00", to: "04:00" }, "2026-11-22T12:00:00Z", false],
  [
    "the same time twice is a whole day",
    { from: "06:00", to: "06:00" },
    "2026-11-22T01:00:00Z",
    true,
  ],
  ["another day", { days: ["sun"], from: "02:00", to: "05:00" }, "2026-11-21T03:00:00Z", false],
  [
    "the night belongs to the day on which it began",
    { days: ["sat"], from: "22:00", to: "04:00" },
    "2026-11-22T03:00:00Z",
    true,
  ],
  [
    "the night before does not",
    { days: ["sat"], from: "22:00", to: "04:00" },
    "2026-11-21T03:00:00Z",
    false,
  ],
  [
    "by the clock of its zone",
    { from: "02:00", to: "03:00", timeZone: "Europe/Vienna" },
    "2026-07-01T00:30:00Z",
    true,
  ],
];

for (const [name, window, instant, open] of cases) {
  test(`${name}: ${open ? "open" : "closed"}`, () => {
    assert.equal(isOpen([window], at(instant)), open);
  });
}

test("no window at all means always", () => {
  assert.equal(isOpen([], 0), true);
  assert.equal(nextOpening([], 0), undefined);
});

test("the next opening is the nearest of all windows", () => {
  const windows: MaintenanceWindow[] = [
    { days: ["wed"], from: "01:00", to: "02:00" },
    { days: ["mon"], from: "03:00", to: "04:00" },
  ];
  assert.equal(nextOpening(windows, at("2026-11-21T12:34:56Z")), at("2026-11-23T03:00:00Z"));
});

test("the next opening follows the change to summer time", () => {
  const window: MaintenanceWindow = { from: "04:00", to: "05:00", timeZone: "Europe/Vienna" };
  assert.equal(nextOpening([window], at("2026-03-28T12:00:00Z")), at("2026-03-29T02:00:00Z"));
});

test("an hour that the change to summer time leaves out is waited for until the next day", () => {
  const window: MaintenanceWindow = { from: "02:00", to: "02:30", timeZone: "Europe/Vienna" };
  assert.equal(nextOpening([window], at("2026-03-28T12:00:00Z")), at("2026-03-30T00:00:00Z"));
});

test("an open window has no next opening, and every closed one opens within eight days", () => {
  for (let hour = 0; hour < 24 * 8; hour += 1) {
    const now = at("2026-11-21T00:00:00Z") + hour * 3_600_000;
    const windows: MaintenanceWindow[] = [{ days: ["tue", "fri"], from: "23:15", to: "01:15" }];
    const next = nextOpening(windows, now);
    if (next === undefined) assert.ok(isOpen(windows, now));
    else {
      assert.ok(isOpen(windows, next) && !isOpen(windows, next - 60_000));
      assert.ok(next - now <= 8 * 86_400_000);
    }
  }
});

test("a zone that nobody knows is refused", () => {
  const parsed = MaintenanceWindow.safeParse({ from: "1:00", to: "02:00", timeZone: "Mars/Base" });
  assert.deepEqual(
    parsed.error?.issues.map(({ path }) => path.join(".")),
    ["from", "timeZone"],
  );
});
