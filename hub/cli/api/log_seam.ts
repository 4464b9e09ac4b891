// Joins two readings of one log: which lines that the second found there had not been read by the first.
//
// A device has no line numbers to give: a container's lines have exact times, those of a process's file have times
// that two readings need not agree on. What two readings of one speaker do have in common is the lines themselves,
// in their order.
import { type LogLine, maxTailLines } from "#shared/stream.ts";

export interface LogSeam {
  /** The line was read. */
  note(line: LogLine): void;
  /** @param past all that the next reading found there, in its order */
  join(past: readonly LogLine[]): Joined;
}

interface Joined {
  /** Those lines of the past that were not read before. */
  unseen: ReadonlySet<LogLine>;
  /** Some speaker said more meanwhile than one reading gives back. */
  hasGap: boolean;
}

/** Lines of each speaker: so many that no two places of a log look alike, unless it says the same all the time. */
const remembered = 200;
/** Who has been silent for longest is forgotten first. */
const maxSpeakers = 256;

/** @param floorMs Unix ms by the device's clock: nothing older was asked for */
export function createLogSeam(floorMs: number): LogSeam {
  const speakers = new Map<string, LogLine[]>();
  let newestMs = floorMs;
  return {
    note: (line) => {
      const speaker = speakerOf(line);
      const lines = speakers.get(speaker) ?? [];
      lines.push(line);
      if (lines.length >= 2 * remembered) lines.splice(0, lines.length - remembered);
      speakers.delete(speaker);
      speakers.set(speaker, lines);
      const [oldest] = speakers.keys();
      if (speakers.size > maxSpeakers && oldest !== undefined) speakers.delete(oldest);
      newestMs = Math.max(newestMs, line.at);
    },
    join: (past) => {
      const isFull = past.length >= maxTailLines;
      const joined = { unseen: new Set<LogLine>(), hasGap: false };
      for (const [speaker, lines] of Map.groupBy(past, speakerOf)) {
        const seen = (speakers.get(speaker) ?? []).slice(-remembered);
        const place = placeBehind(seen, lines);
        joined.hasGap ||= isFull && seen.length > 0 && place === undefined;
        // Its log is another one now, or it spoke for the first time while nobody read.
        const fromMs = seen.at(-1)?.at ?? newestMs;
        const unseen =
          place === undefined ? lines.filter(({ at }) => at >= fromMs) : lines.slice(place);
        for (const line of unseen) joined.unseen.add(line);
      }
      return joined;
    },
  };
}

function speakerOf({ from, stream }: LogLine): string {
  return `${stream ?? ""} ${from ?? ""}`;
}

/** Where the lines of `past` begin that come after all of `seen`; undefined where the two have nothing in common.
 *  Of several places the one at which the times agree best, since a log may say the same all the time. */
function placeBehind(seen: readonly LogLine[], past: readonly LogLine[]): number | undefined {
  let best: number | undefined;
  let bestMs = Number.POSITIVE_INFINITY;
  for (let place = past.length; place > 0; place -= 1) {
    const apartMs = apartAt(seen, past, place);
    if (apartMs >= bestMs) continue;
    best = place;
    bestMs = apartMs;
  }
  return best;
}

/** How far apart the times of the same lines are, on average, if the last seen one is the one before `place`;
 *  infinite when the lines are not the same. */
function apartAt(seen: readonly LogLine[], past: readonly LogLine[], place: number): number {
  const common = Math.min(place, seen.length);
  let sumMs = 0;
  for (let back = 1; back <= common; back += 1) {
    const [one, other] = [seen.at(-back), past[place - back]];
    if (one === undefined || other === undefined || one.text !== other.text) {
      return Number.POSITIVE_INFINITY;
    }
    sumMs += Math.abs(one.at - other.at);
  }
  return common === 0 ? Number.POSITIVE_INFINITY : sumMs / common;
}
