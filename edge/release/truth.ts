// Where the truth about a release comes from: its manifest, or else the bundle that the digest names.
import { readFile, rm } from "node:fs/promises";
import type { ReleaseRef } from "#shared/desired.ts";
import { ifPresent, makeDirectory, writeFileAtomic } from "#shared/files.ts";
import type { AppName } from "#shared/ids.ts";
import { corrupt, nameOf } from "./bundles.ts";
import { releaseDamaged } from "./content.ts";
import type { Layout } from "./layout.ts";
import { type Manifest, manifestOf, manifestText, parseManifest } from "./manifest.ts";
import { inspect, invalid } from "./unpack.ts";

/** What the manifest says, made again from the bundle when it is missing or damaged.
 *  @throws FleetError release_damaged when neither is there */
export async function manifestFor(
  layout: Layout,
  app: AppName,
  release: ReleaseRef,
): Promise<Manifest> {
  const file = layout.manifest(app, release.digest);
  const text = await ifPresent(readFile(file, "utf8"));
  const kept = text === undefined ? undefined : parseManifest(text, release.digest);
  if (kept !== undefined) return kept;
  try {
    return await recordManifest(layout, app, release);
  } catch (cause) {
    const directory = layout.release(app, release.digest);
    throw releaseDamaged(directory, "neither its manifest nor its bundle can be read", cause);
  }
}

/** Reads the bundle through and writes down what is in it.
 *  @throws FleetError bundle_corrupt, bundle_invalid */
export async function recordManifest(
  layout: Layout,
  app: AppName,
  release: ReleaseRef,
): Promise<Manifest> {
  const manifest = await manifestInBundle(layout, release);
  await makeDirectory(layout.records(app));
  await writeFileAtomic(layout.manifest(app, release.digest), manifestText(manifest));
  return manifest;
}

/** A bundle that is not what its name says is removed, so that it is fetched again.
 *  @throws FleetError bundle_corrupt, bundle_invalid */
export async function manifestInBundle(layout: Layout, release: ReleaseRef): Promise<Manifest> {
  const bundle = layout.bundle(release.digest);
  const found = await ifPresent(inspect(bundle));
  if (found === undefined) throw corrupt(release, "is not on the disk");
  if (found.sha256 !== release.digest) {
    await rm(bundle, { force: true });
    throw corrupt(release, `has the sha256 ${found.sha256.slice(0, 12)} by now`);
  }
  if (found.fault !== undefined) throw invalid(nameOf(release), found.fault);
  return manifestOf(release.digest, found);
}
