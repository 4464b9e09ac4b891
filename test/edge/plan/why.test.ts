import * as assert from "node:assert/strict";
import type { Repair } from "#edge/plan/damping.ts";
import type { AppInput } from "#edge/plan/input.ts";
import { plan } from "#edge/plan/plan.ts";
import { appReport } from "#edge/plan/report.ts";
import { withoutCopies } from "#edge/plan/resting.ts";
import { type DeviceFacts, type WhyInput, whyDevice, whyNot } from "#edge/plan/why.ts";
import type { FailureReport } from "#shared/reported.ts";
import { suite } from "#test/suite.ts";
import { appName, instance } from "#test/support/app.ts";
import { failed, idle, runnable, target, there, updating, waiting, withRules } from "./moments.ts";

const test = suite("why not converged");
const healthy: DeviceFacts = { hasDesired: true, link: { connected: true, isolated: false } };
const away: DeviceFacts = {
  hasDesired: true,
  link: { connected: false, isolated: false, problem: "hub:7080 cannot be reached" },
};
const alone: DeviceFacts = { ...away, link: { ...away.link, isolated: true } };
const safe: DeviceFacts = { ...healthy, safeMode: { message: "the disk is full" } };

function why(input: AppInput, more: Partial<WhyInput> = {}): string {
  const steps = plan(input);
  const report = appReport({
    input,
    steps,
    progress: undefined,
    describe: () => undefined,
    previous: undefined,
    healFailure: undefined,
  });
  const given: WhyInput = {
    input,
    steps,
    report,
    progress: undefined,
    repairs: new Map(),
    blindBy: undefined,
    unreadable: undefined,
    device: healthy,
    ...more,
  };
  return whyNot(given)
    .map(({ reason, message }) => `${reason} (${message})`)
    .join(" <- ");
}

const repair = (more: Partial<Repair>): ReadonlyMap<string, Repair> =>
  new Map([["web", { count: 4, lastMs: 0, notBeforeMs: 608_000, ...more }]]);
const drifting = (): AppInput =>
  there({ instances: [instance("db", 1, "db-b")], damped: new Map([["web", 608_000]]) });
const quarantined = (failure: FailureReport) =>
  idle({ quarantined: new Map([[target.revision, failure]]) });
const nightly = { windows: [{ from: "02:00", to: "03:00" }] };
const unread = there();
delete unread.serving;

const situations: [name: string, input: AppInput, more: Partial<WhyInput>, said: RegExp][] = [
  ["all is well", there(), {}, /^$/],
  ["safe mode", idle({ mode: "safe" }), { device: safe }, /^SafeMode \(.*the disk is full\)$/],
  [
    "suspended in safe mode",
    there({
      mode: "safe",
      resting: "suspended",
      serving: { ...runnable("b"), app: withoutCopies(runnable("b").app) },
      instances: [],
    }),
    { device: safe },
    /^Suspended \(web was stopped.*\) <- SafeMode/,
  ],
  ["on hold", idle({ mode: "hold" }), {}, /^OnHold \(the fleet holds this device\)$/],
  [
    "a version lock",
    idle({ target: withRules({ lock: { reason: "audit" } }) }),
    {},
    /^VersionLocked \(locked: audit\)$/,
  ],
  [
    "a closed window",
    {
      ...updating("hold"),
      target: withRules(nightly),
    },
    {},
    /^WindowClosed \(the maintenance window opens at 20\d\d-\d\d-\d\d 02:00 UTC\)$/,
  ],
  [
    "a closed window, and a lock file behind it",
    {
      ...updating("hold", { failure: failed("update_held", "the app holds its update") }),
      target: withRules(nightly),
    },
    {},
    /^WindowClosed \(.*\) <- HeldByApp \(the app holds its update\)$/,
  ],
  [
    "a clock that was never set",
    {
      ...updating("hold"),
      wallMs: 60_000,
      issuedAt: 1_800_000_000_000,
      target: withRules(nightly),
    },
    {},
    /^ClockWrong \(the clock says 1970-01-01/,
  ],
  [
    "a lock file",
    { ...waiting("hold", failed("update_held", "the app holds its update: lock exists")) },
    {},
    /^HeldByApp \(the app holds its update: lock exists\)$/,
  ],
  [
    "a disk that is short",
    waiting("fetch", failed("disk_short", "the disk is short by 120 MB for release 1a2b")),
    {},
    /^DiskShort \(the disk is short by 120 MB/,
  ],
  [
    "a hub that cannot be reached",
    waiting("fetch", failed("bundle_unreachable", "ECONNREFUSED")),
    { device: away },
    /^BundleUnreachable \(ECONNREFUSED\) <- HubUnreachable \(hub:7080 cannot be reached\)$/,
  ],
  [
    "a hub that was not heard for long",
    waiting("fetch", failed("bundle_unreachable", "ECONNREFUSED")),
    { device: alone },
    /^BundleUnreachable \(ECONNREFUSED\) <- Isolated/,
  ],
  [
    "a registry that cannot be reached",
    waiting("pull", failed("registry_unreachable", "registry.example does not answer")),
    {},
    /^RegistryUnreachable \(registry\.example does not answer\)$/,
  ],
  [
    "an image that is not to be had",
    quarantined(failed("image_missing", "web:9 is not there")),
    {},
    /^Quarantined \(release b{12} failed here .*\) <- ImageMissing \(web:9 is not there\)$/,
  ],
  [
    "a runtime that does not answer",
    there({ blind: true }),
    { blindBy: "the Engine does not answer" },
    /^RuntimeNotAnswering \(the Engine does not answer\)$/,
  ],
  [
    "a dependency that is not healthy",
    there({ instances: [instance("db", 1, "db-b", { health: "unhealthy" })] }),
    {},
    /^WaitingForDependency \(web waits for db to be healthy\) <- ServiceUnhealthy \(db has 0 of 1 .*db-1 is unhealthy\)/,
  ],
  [
    "a trial",
    { ...updating("probe"), instances: [instance("db", 1, "db-b", { health: "starting" })] },
    {},
    /^OnTrial \(on trial for 10 s at most, 7 s left: /,
  ],
  [
    "a fault that nobody can name",
    waiting("fetch", failed("internal", "EIO")),
    {},
    /^RetryAt \(fetch is tried again in 7 s\) <- Internal \(EIO\)$/,
  ],
  [
    "a repair that is damped",
    drifting(),
    { repairs: repair({}) },
    /^RepairDamped \(web drifted again soon after each of 4 repairs; the next one in 8 s\) <- ServiceUnhealthy/,
  ],
  [
    "a repair that fails",
    drifting(),
    { repairs: repair({ failure: failed("start_failed", "no exec") }) },
    /^RetryAt \(the repair of web is tried again in 8 s\) <- StartFailed \(no exec\)/,
  ],
  ["a preparation", updating("pull"), { progress: 0.4 }, /^Preparing \(pull, 40 %\)$/],
  [
    "a rollback",
    updating("restore", { failure: failed("crash_loop", "web-1 crashed 3 times") }),
    {},
    /^RollingBack \(.*\) <- CrashLoop \(web-1 crashed 3 times\)$/,
  ],
  [
    "a probe that fails",
    there({
      hasProbes: true,
      probes: { atMs: 1, results: [{ probe: "http", ok: false, detail: "answered 500" }] },
    }),
    {},
    /^ProbeFailing \(answered 500\)$/,
  ],
  [
    "a release that cannot be read",
    unread,
    { unreadable: failed("release_damaged", "compose.yaml is gone") },
    /^ReleaseUnreadable \(compose\.yaml is gone\)$/,
  ],
];

for (const [name, input, more, said] of situations) {
  test(`says so: ${name}`, () => assert.match(why(input, more), said));
}

test("the device without a wish says that it has none, and why", () => {
  const causes = whyDevice({ ...away, hasDesired: false }, []);
  assert.deepEqual(
    causes.map(({ reason }) => reason),
    ["NoDesiredState", "HubUnreachable"],
  );
});

test("the device names the first app that is behind, but safe mode before all of them", () => {
  const apps = [
    { name: appName },
    { name: appName, why: [{ reason: "DiskShort", message: "short by 1 MB" }] },
  ];
  assert.deepEqual(whyDevice(healthy, apps), [
    { reason: "DiskShort", message: "web: short by 1 MB" },
  ]);
  assert.equal(whyDevice(safe, apps)[0]?.reason, "SafeMode");
  assert.deepEqual(whyDevice(healthy, [{ name: appName }]), []);
});
