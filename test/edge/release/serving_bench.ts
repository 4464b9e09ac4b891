// A release that is staged and serves, for tests of what becomes of its files.
import { join } from "node:path";
import { revisionOf } from "#shared/desired.ts";
import {
  type BundleServer,
  plainCompose,
  scratch,
  serveBundles,
  specOf,
  stageFrom,
  storeAt,
  tarOf,
} from "./fixture.ts";

export const large = "x".repeat(70_000);
export const bundle = tarOf([
  { path: "compose.yaml", content: plainCompose },
  { path: "conf/a.txt", content: "alpha" },
  { path: "conf/deep/b.txt", content: "beta" },
  { path: "bin/run.sh", content: "#!/bin/sh\n", mode: 0o755 },
  { path: "empty/", type: "Directory" },
  { path: "large.bin", content: large },
]);
export const spec = specOf(bundle);
export const app = spec.name;
export const revision = revisionOf(spec);

export interface Bench {
  root: string;
  store: ReturnType<typeof storeAt>;
  server: BundleServer;
  at: (...path: string[]) => string;
}

export async function bench(use: (bench: Bench) => Promise<void>): Promise<void> {
  using directory = scratch();
  await using server = await serveBundles(bundle);
  const store = storeAt(directory.path, server.url);
  await stageFrom(store, spec);
  await store.swap(app, revision);
  const release = join(directory.path, "apps", app, "releases", spec.release.digest);
  await use({ root: directory.path, store, server, at: (...path) => join(release, ...path) });
}

export const look = { depth: "look" } as const;
export const read = { depth: "read" } as const;
export const none = { keeps: () => false };
