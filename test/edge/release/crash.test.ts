import * as assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync } from "node:fs";
import fsPromises from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { type AppSpec, revisionOf } from "#shared/desired.ts";
import { suite } from "#test/suite.ts";
import {
  type BundleServer,
  plainCompose,
  roleTar,
  scratch,
  serveBundles,
  specOf,
  stageFrom,
  storeAt,
} from "./fixture.ts";
import { assertWhole, snapshot } from "./whole.ts";

const test = suite("release store under crashes", { limitMs: 300_000 });

const roles = ["one", "two", "three"].map((text) => {
  const parts = Array.from({ length: 12 }, (_, index) => [
    `d${index % 5}/f${index}`,
    `${text} ${index}`,
  ]);
  return { "version.txt": text, ...Object.fromEntries(parts) } as Record<string, string>;
});
const bundles = roles.map((files) => roleTar(files));
const specs = bundles.map((bundle) => specOf(bundle)) as [AppSpec, AppSpec, AppSpec];
const [one, two, three] = specs;
const [first, second] = [revisionOf(one), revisionOf(two)];
const app = one.name;
const contents = new Map(
  specs.map((spec, index) => [
    spec.release.digest as string,
    { "compose.yaml": plainCompose, ...roles[index] },
  ]),
);

type Store = ReturnType<typeof storeAt>;
type Act = (store: Store) => Promise<void>;

const changes = [
  "open",
  "mkdir",
  "rename",
  "rm",
  "symlink",
  "unlink",
  "writeFile",
  "chmod",
] as const;
const original = Object.fromEntries(changes.map((name) => [name, fsPromises[name]]));

/** Runs until the given file-system call, from which on none succeeds: what a power cut leaves of this
 *  program. @returns whether the act ended before that */
async function cutAt(call: number, act: () => Promise<void>): Promise<boolean> {
  let calls = 0;
  for (const name of changes) {
    const real = original[name] as (...args: unknown[]) => Promise<unknown>;
    const cut = async (...args: unknown[]): Promise<unknown> => {
      calls += 1;
      if (calls >= call) throw new Error("power cut");
      return await real(...args);
    };
    Object.assign(fsPromises, { [name]: cut });
  }
  syncBuiltinESMExports();
  try {
    await act();
  } catch (error) {
    if (calls < call) throw error;
  } finally {
    Object.assign(fsPromises, original);
    syncBuiltinESMExports();
  }
  return calls < call;
}

async function preparedBy(directory: string, server: BundleServer, acts: Act[]): Promise<void> {
  const store = storeAt(directory, server.url);
  for (const act of acts) await act(store);
}

const bring =
  (spec: AppSpec): Act =>
  async (store) => {
    await stageFrom(store, spec);
    await store.swap(app, revisionOf(spec));
  };

/** Each act with the disk it starts from and the releases that may be current while it is under way. */
const acts: [name: string, before: Act[], act: Act, serving: (AppSpec | undefined)[]][] = [
  ["fetching and verifying", [bring(one)], (store) => fetchOnly(store, two), [one]],
  [
    "the first staging",
    [(store) => fetchOnly(store, one)],
    (store) => store.stage(one),
    [undefined],
  ],
  ["staging", [bring(one), (store) => fetchOnly(store, two)], (store) => store.stage(two), [one]],
  [
    "a swap",
    [bring(three), bring(one), (store) => stageFrom(store, two)],
    (store) => store.swap(app, second),
    [one, two],
  ],
  ["a roll back", [bring(one), bring(two)], (store) => store.rollBack(app, first), [one, two]],
  [
    "a roll back to nothing",
    [bring(one)],
    (store) => store.rollBack(app, undefined),
    [one, undefined],
  ],
  ["tidying", [bring(three), bring(one), bring(two)], (store) => store.tidy(app, new Set()), [two]],
  ["removing the app", [bring(one), bring(two)], (store) => store.removeApp(app), [two, undefined]],
];

async function fetchOnly(store: Store, spec: AppSpec): Promise<void> {
  await store.fetch(spec.release, {});
  await store.verify(spec.release);
}

for (const [name, before, act, serving] of acts) {
  test(`${name} can be cut at every file-system call and repeated`, async () => {
    using root = scratch();
    await using server = await serveBundles(...bundles);
    const start = join(root.path, "start");
    await preparedBy(start, server, before);
    const goal = join(root.path, "goal");
    cpSync(start, goal, { recursive: true, verbatimSymlinks: true });
    await act(storeAt(goal, server.url));
    const wanted = snapshot(goal);
    const allowed = serving.map((spec) => spec?.release.digest as string | undefined);
    let cuts = 0;
    for (let ended = false; !ended; cuts += 1) {
      assert.ok(cuts < 500, "the act never ends");
      const directory = join(root.path, `cut-${cuts}`);
      cpSync(start, directory, { recursive: true, verbatimSymlinks: true });
      ended = await cutAt(cuts + 1, () => act(storeAt(directory, server.url)));
      const current = assertWhole(directory, app, contents);
      assert.ok(allowed.includes(current), `call ${cuts + 1} left ${current} current`);
      await act(storeAt(directory, server.url));
      assert.deepEqual(snapshot(directory), wanted, `repeated after a cut at call ${cuts + 1}`);
    }
    assert.ok(cuts > 2, `only ${cuts} calls were cut`);
  });
}

test("a process that updates to and fro survives SIGKILL at any instant", async () => {
  using root = scratch();
  await using server = await serveBundles(...bundles);
  for (let kill = 0; kill < 30; kill += 1) {
    await killedWithin(Math.random() * 120, root.path, server.url);
    assertWhole(root.path, app, contents);
    const next = specs[kill % specs.length] ?? one;
    await preparedBy(root.path, server, [bring(next), (store) => store.tidy(app, new Set())]);
    assert.equal(assertWhole(root.path, app, contents), next.release.digest);
    const leftovers = Object.keys(snapshot(root.path)).filter((path) => path.includes("next"));
    assert.deepEqual(leftovers, []);
  }
});

async function killedWithin(delayMs: number, directory: string, hubUrl: string): Promise<void> {
  const script = join(import.meta.dirname, "restless.ts");
  const child = spawn(process.execPath, [script, directory, hubUrl, JSON.stringify(specs)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exit = once(child, "exit");
  await Promise.race([once(child.stdout, "data"), exit]);
  await wait(delayMs);
  child.kill("SIGKILL");
  const [code, signal] = await exit;
  assert.equal(signal, "SIGKILL", `it ended by itself with code ${code}`);
}
