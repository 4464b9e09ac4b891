// What the harness prints: JSON lines for programs, a table for people.

/** One fault. */
export interface FaultLine {
  name: string;
  tries: number;
  /** Tries after which everything held that must hold. */
  survived: number;
  /** Entries of the devices' journals that the hub did not get. */
  lost_entries: number;
  /** In which the steady workloads did not answer, over all tries. */
  unavailable_ms: number;
  note: string;
}

export interface SkippedLine {
  name: string;
  /** Why it was left out. */
  skipped: string;
}

interface Totals {
  name: "total";
  faults: number;
  skipped: number;
  tries: number;
  survived: number;
  lost_entries: number;
  unavailable_ms: number;
  seconds: number;
}

export interface Report {
  add(line: FaultLine | SkippedLine): void;
  /** What happens at the moment, on a terminal only. */
  progress(text: string): void;
  finish(): Totals;
}

const widths = { name: 26, count: 7, lost: 6, away: 9 };

export function createReport({ json }: { json: boolean }): Report {
  const began = performance.now();
  const done: FaultLine[] = [];
  let skipped = 0;
  const print = (line: object, text: string): void => {
    clearProgress();
    process.stdout.write(`${json ? JSON.stringify(line) : text}\n`);
  };
  if (!json) process.stdout.write(`${header()}\n`);
  return {
    add: (line) => {
      if ("skipped" in line) skipped += 1;
      else done.push(line);
      print(line, inWords(line));
    },
    progress: (text) => {
      if (!process.stderr.isTTY) return;
      clearProgress();
      process.stderr.write(text);
    },
    finish: () => {
      const seconds = Math.round((performance.now() - began) / 1000);
      const totals = totalsOf(done, skipped, seconds);
      const note = `${totals.faults} faults, ${skipped} skipped, ${seconds} s`;
      print(totals, row({ ...totals, note }));
      return totals;
    },
  };
}

/** Something was tried, nothing was lost and nothing failed.
 *  @param mustTryAll where every part is there, a fault that was left out is a failure */
export function allSurvived(totals: Totals, { mustTryAll }: { mustTryAll: boolean }): boolean {
  const { tries, survived, lost_entries, skipped } = totals;
  if (mustTryAll && skipped > 0) return false;
  return tries > 0 && tries === survived && lost_entries === 0;
}

function clearProgress(): void {
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
}

function totalsOf(lines: readonly FaultLine[], skipped: number, seconds: number): Totals {
  const sum = (key: "tries" | "survived" | "lost_entries" | "unavailable_ms"): number =>
    lines.reduce((total, line) => total + line[key], 0);
  return {
    name: "total",
    faults: lines.length,
    skipped,
    tries: sum("tries"),
    survived: sum("survived"),
    lost_entries: sum("lost_entries"),
    unavailable_ms: sum("unavailable_ms"),
    seconds,
  };
}

function header(): string {
  const { name, count, lost, away } = widths;
  return `${"fault".padEnd(name)}${"survived".padStart(count + 2)}${"lost".padStart(lost)}${"away ms".padStart(away)}  note`;
}

function inWords(line: FaultLine | SkippedLine): string {
  if ("skipped" in line) return `${line.name.padEnd(widths.name)}  skipped: ${line.skipped}`;
  return row(line);
}

function row(line: FaultLine): string {
  const { name, count, lost, away } = widths;
  const ratio = `${line.survived}/${line.tries}`.padStart(count + 2);
  const numbers = `${String(line.lost_entries).padStart(lost)}${String(line.unavailable_ms).padStart(away)}`;
  return `${line.name.padEnd(name)}${ratio}${numbers}  ${line.note}`.trimEnd();
}
