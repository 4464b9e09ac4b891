// Turns the lines of a pull into one share of bytes that only rises. Pure but for its memory.
import type { PullLine } from "#edge/runtime/docker/calls/api.ts";

interface Layer {
  bytes: number;
  /** Unknown until its download begins. */
  totalBytes?: number;
  done: boolean;
}

const complete = new Set(["Download complete", "Pull complete", "Already exists"]);

export interface Progress {
  note(line: PullLine): void;
}

/** @param onShare called with a share in [0, 1] whenever it rises */
export function createProgress(onShare: (share: number) => void): Progress {
  const layers = new Map<string, Layer>();
  let told = 0;
  return {
    note: (line) => {
      if (line.id === undefined || !isLayerLine(line)) return;
      layers.set(line.id, nextLayer(layers.get(line.id), line));
      const share = shareOf([...layers.values()]);
      if (share <= told) return;
      told = share;
      onShare(share);
    },
  };
}

/** `Pulling from repository` carries the tag where other lines carry a layer. */
function isLayerLine({ status, progressDetail }: PullLine): boolean {
  return progressDetail !== undefined || complete.has(status ?? "");
}

function nextLayer(before: Layer | undefined, line: PullLine): Layer {
  const layer = before ?? { bytes: 0, done: false };
  if (complete.has(line.status ?? "")) return { ...layer, done: true };
  const { current, total } = line.progressDetail ?? {};
  // Extraction counts the same bytes once more.
  if (line.status !== "Downloading" || layer.done) return layer;
  return {
    ...layer,
    bytes: current ?? layer.bytes,
    ...(total === undefined || total <= 0 ? {} : { totalBytes: total }),
  };
}

/** A layer of unknown size counts as one of average size. */
function shareOf(layers: readonly Layer[]): number {
  const known = layers.flatMap((layer) => layer.totalBytes ?? []);
  const average =
    known.length === 0 ? 1 : known.reduce((sum, size) => sum + size, 0) / known.length;
  const sizes = layers.map((layer) => layer.totalBytes ?? average);
  const arrived = layers.map((layer, position) =>
    layer.done ? (sizes[position] ?? 0) : Math.min(layer.bytes, sizes[position] ?? 0),
  );
  const sum = (numbers: number[]): number => numbers.reduce((total, next) => total + next, 0);
  return sum(sizes) === 0 ? 0 : sum(arrived) / sum(sizes);
}
