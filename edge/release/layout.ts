// Where everything of the release store lies on the disk.
import { join } from "node:path";
import type { AppName, Digest, RevisionId } from "#shared/ids.ts";

export const linkNames = ["current", "previous", "next"] as const;
export type LinkName = (typeof linkNames)[number];

export interface Layout {
  bundles: string;
  apps: string;
  bundle(digest: Digest): string;
  /** A download that is not complete or not verified. */
  part(digest: Digest): string;
  /** The entity tag of the part, so that it is only continued with bytes of the same entity. */
  partTag(digest: Digest): string;
  app(app: AppName): string;
  link(app: AppName, name: LinkName): string;
  releases(app: AppName): string;
  release(app: AppName, digest: Digest): string;
  /** What is written down about releases and revisions beside them: their manifests, and a second copy of
   *  each app.json. */
  records(app: AppName): string;
  manifest(app: AppName, digest: string): string;
  specCopy(app: AppName, revision: string): string;
  revisions(app: AppName): string;
  revision(app: AppName, revision: RevisionId): string;
}

/** @param directory the agent's data directory */
export function layoutOf(directory: string): Layout {
  const bundles = join(directory, "bundles");
  const apps = join(directory, "apps");
  return {
    bundles,
    apps,
    bundle: (digest) => join(bundles, `${digest}.tar`),
    part: (digest) => join(bundles, `${digest}.tar.part`),
    partTag: (digest) => join(bundles, `${digest}.tar.part.etag`),
    app: (app) => join(apps, app),
    link: (app, name) => join(apps, app, name),
    releases: (app) => join(apps, app, "releases"),
    release: (app, digest) => join(apps, app, "releases", digest),
    records: (app) => join(apps, app, "records"),
    manifest: (app, digest) => join(apps, app, "records", `release-${digest}.json`),
    specCopy: (app, revision) => join(apps, app, "records", `revision-${revision}.json`),
    revisions: (app) => join(apps, app, "revisions"),
    revision: (app, revision) => join(apps, app, "revisions", revision),
  };
}
