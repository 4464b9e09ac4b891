// Brings the files of a current release back to what its bundle holds.
import type { AppSpec } from "#shared/desired.ts";
import { FleetError } from "#shared/errors.ts";
import { type Bundles, nameOf } from "./bundles.ts";
import type { Layout } from "./layout.ts";
import type { Manifest } from "./manifest.ts";
import { restoreFiles } from "./restore.ts";
import { recordManifest } from "./truth.ts";
import type { FileFinding } from "./verify.ts";

export interface RepairOptions {
  /** Whether a stranger at this path is left alone. */
  keeps: (path: string) => boolean;
  signal?: AbortSignal;
}

type Repair = (
  spec: AppSpec,
  findings: readonly FileFinding[],
  options: RepairOptions,
) => Promise<void>;

export function createRepairer(options: { layout: Layout; bundles: Bundles }): Repair {
  const { layout, bundles } = options;

  /** A damaged bundle was removed by the one who noticed, so it is fetched after all. */
  const trueManifest = async (
    { name, release }: AppSpec,
    signal: AbortSignal | undefined,
  ): Promise<Manifest> => {
    const fetched = async (): Promise<void> => {
      await bundles.fetch(release, signal === undefined ? {} : { signal });
      await bundles.verify(release);
    };
    if (!(await bundles.has(release.digest))) await fetched();
    try {
      return await recordManifest(layout, name, release);
    } catch (error) {
      if (!(error instanceof FleetError) || error.code !== "bundle_corrupt") throw error;
      await fetched();
      return await recordManifest(layout, name, release);
    }
  };

  return async (spec, findings, { keeps, signal }) => {
    const { name, release } = spec;
    const manifest = await trueManifest(spec, signal);
    await restoreFiles(findings, {
      directory: layout.release(name, release.digest),
      manifest,
      bundle: layout.bundle(release.digest),
      subject: nameOf(release),
      keeps,
    });
    bundles.staged(release.digest);
  };
}
