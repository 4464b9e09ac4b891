// Clearing an app's directory whose current release is damaged: it is mended from what is left there.
import * as assert from "node:assert/strict";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { revisionOf } from "#shared/desired.ts";
import { suite } from "#test/suite.ts";
import { roleTar, scratch, serveBundles, specOf, stageFrom, storeAt } from "./fixture.ts";

const test = suite("tidying a damaged release");
const bundles = ["one", "two"].map((text) => roleTar({ "version.txt": text }));

/** An app that has moved from one release to the other. */
async function withApp(
  body: (given: Awaited<ReturnType<typeof made>>) => Promise<void>,
): Promise<void> {
  using directory = scratch();
  await using server = await serveBundles(...bundles);
  await body(await made(directory.path, server.url));
}

async function made(directory: string, hubUrl: string) {
  const store = storeAt(directory, hubUrl);
  const specs = bundles.map((bundle) => specOf(bundle));
  for (const spec of specs) {
    await stageFrom(store, spec);
    await store.swap(spec.name, revisionOf(spec));
  }
  const [previous, current] = specs;
  assert.ok(previous && current);
  const at = (...path: string[]): string => join(directory, "apps", current.name, ...path);
  return { store, previous, current, at };
}

test("keeps its record and the way back while its files are gone, and it is mended afterwards", () =>
  withApp(async ({ store, previous, current, at }) => {
    // After a check of the file system, and wanted by nobody: a newer release was refused here.
    rmSync(at("releases", current.release.digest), { recursive: true });
    await store.tidy(current.name, new Set());
    assert.ok(existsSync(at("revisions", revisionOf(current), "app.json")));
    assert.ok(existsSync(at("releases", previous.release.digest)));
    const mended = await store.mend(current.name, () => ({ specs: [] }));
    assert.match(mended.join(), /directory of release .* was gone/);
    assert.equal((await store.apps())[0]?.current, revisionOf(current));
  }));

test("finds its files by the record where the link to them is gone", () =>
  withApp(async ({ store, current, at }) => {
    rmSync(at("revisions", revisionOf(current), "content"));
    await store.tidy(current.name, new Set());
    assert.ok(existsSync(at("releases", current.release.digest, "version.txt")));
  }));
