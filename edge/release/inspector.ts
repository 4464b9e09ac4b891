// Remembers how the files of each current release looked when they were last read, and looks again cheaply.
import type { AppSpec } from "#shared/desired.ts";
import type { Layout } from "./layout.ts";
import type { Manifest } from "./manifest.ts";
import { manifestFor } from "./truth.ts";
import {
  bytesOf,
  compareFully,
  describeFindings,
  type FileFinding,
  lookAgain,
  type Pacer,
  type Seen,
} from "./verify.ts";

/** A release up to this size is read whole at the first look; a larger one waits for a paced reading. */
const smallBytes = 4_000_000;

/** Files and directories that one look at a release takes; the next look goes on behind them. */
const looksPerRound = 400;

export interface Verification {
  findings: FileFinding[];
  /** The findings for people. */
  text: string;
  /** lstat calls made. */
  looks: number;
  /** Bytes read. */
  bytes: number;
  /** Whether the release was never read by this process: then a look says nothing. */
  unread: boolean;
}

export interface VerifyOptions {
  /** `look`: what changed since it was read last. `read`: everything. */
  depth: "look" | "read";
  pace?: Pacer;
  signal?: AbortSignal;
}

export interface Inspector {
  /** @throws FleetError release_damaged when nothing tells what the files should be */
  verify(spec: AppSpec, options: VerifyOptions): Promise<Verification>;
  /** What is known to be damaged, in words: strangers are no damage to what the release has itself. */
  damageOf(spec: AppSpec): string | undefined;
}

interface Known {
  manifest: Manifest;
  seen: Seen;
  /** Paths that were found to be other than they should be: read at each look until they are mended. */
  damaged: Set<string>;
  text: string | undefined;
  from: number;
}

export function createInspector(layout: Layout): Inspector {
  const releases = new Map<string, Known>();
  const keyOf = ({ name, release }: AppSpec): string => `${name}/${release.digest}`;

  const readAll = async (spec: AppSpec, options: VerifyOptions): Promise<Verification> => {
    const manifest = await manifestFor(layout, spec.name, spec.release);
    const directory = layout.release(spec.name, spec.release.digest);
    const { findings, seen, bytes } = await compareFully(directory, manifest, options);
    releases.delete(keyOf(spec));
    releases.set(keyOf(spec), { manifest, seen, from: 0, ...damageIn(findings) });
    forgetOldest(releases);
    return verification(findings, { looks: seen.size, bytes });
  };

  const look = async (spec: AppSpec, known: Known): Promise<Verification> => {
    const directory = layout.release(spec.name, spec.release.digest);
    const { changed, looks } = lookAgain(directory, known.seen, {
      from: known.from,
      limit: looksPerRound,
    });
    known.from = (known.from + looks) % Math.max(1, known.seen.size);
    const only = changed.union(known.damaged);
    if (only.size === 0) return verification([], { looks, bytes: 0 });
    const { findings, seen, bytes } = await compareFully(directory, known.manifest, { only });
    for (const path of only) known.seen.delete(path);
    for (const [path, now] of seen) known.seen.set(path, now);
    Object.assign(known, damageIn(findings));
    return verification(findings, { looks, bytes });
  };

  return {
    damageOf: (spec) => releases.get(keyOf(spec))?.text,
    verify: async (spec, options) => {
      const known = releases.get(keyOf(spec));
      if (options.depth === "read") return readAll(spec, options);
      if (known !== undefined) return look(spec, known);
      const manifest = await manifestFor(layout, spec.name, spec.release);
      if (bytesOf(manifest) <= smallBytes) return readAll(spec, options);
      return { ...verification([], { looks: 0, bytes: 0 }), unread: true };
    },
  };
}

/** Releases of two apps for each of an ordinary device's. */
const maxKnown = 32;

function forgetOldest(releases: Map<string, Known>): void {
  const [oldest] = releases.keys();
  if (releases.size > maxKnown && oldest !== undefined) releases.delete(oldest);
}

function damageIn(findings: readonly FileFinding[]): Pick<Known, "damaged" | "text"> {
  const own = findings.filter(({ fault }) => fault !== "extra");
  const text = own.length === 0 ? undefined : describeFindings(own);
  return { damaged: pathsOf(findings), text };
}

/** A stranger shows in its directory. */
function pathsOf(findings: readonly FileFinding[]): Set<string> {
  return new Set(
    findings.map(({ path, fault }) => {
      if (fault === "extra") return path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "";
      return path === "." ? "" : path;
    }),
  );
}

function verification(
  findings: FileFinding[],
  { looks, bytes }: { looks: number; bytes: number },
): Verification {
  return { findings, text: describeFindings(findings), looks, bytes, unread: false };
}
