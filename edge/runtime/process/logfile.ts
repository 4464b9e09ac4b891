// One output stream of a copy: a bounded file that the process itself appends to.
//
// The process owns the descriptor, so no line is lost when the agent dies, and no line has a time of its
// own. The agent notes size and modification time now and then: a line's time is that of the first note
// after it, exact to about a second, and for lines written while no agent ran the latest possible one.
import { copyFile, open, readFile, rename, stat, truncate, writeFile } from "node:fs/promises";

export interface TimedLine {
  at: number;
  text: string;
}

export interface LogFile {
  /** Puts what earlier runs wrote aside and opens the file for a new run. */
  open(): Promise<{ fd: number; close(): Promise<void> }>;
  /** Notes the time of what was written, and cuts the file when it is over its bound. */
  tend(): Promise<void>;
  /** Oldest first: the end of what was put aside, then the present file.
   *  @param startedAt Unix ms; no line of the present file is dated before it. File times are coarser
   *  than the clock, and the first line must not seem to come from an earlier run. */
  lines(startedAt: number): Promise<TimedLine[]>;
}

interface Note {
  /** Bytes written up to then. */
  size: number;
  /** Unix ms. */
  at: number;
}

const notesLimit = 600;

/** @param options.maxBytes of the file; what is put aside takes as much again */
export function createLogFile(options: { path: string; maxBytes: number }): LogFile {
  const { path, maxBytes } = options;
  const aside = `${path}.1`;
  let notes: Note[] = [];

  async function note(): Promise<number> {
    const found = await statOf(path);
    if (found === undefined) return 0;
    if (found.size > (notes.at(-1)?.size ?? 0)) notes.push({ size: found.size, at: found.at });
    if (notes.length > notesLimit) notes = notes.filter((_, position) => position % 2 === 1);
    return found.size;
  }

  return {
    async open() {
      if (((await statOf(path))?.size ?? 0) > 0) await rename(path, aside);
      notes = [];
      const handle = await open(path, "a", 0o600);
      return { fd: handle.fd, close: () => handle.close() };
    },
    async tend() {
      if ((await note()) <= maxBytes) return;
      // The process goes on appending: what it writes between copy and cut is lost, nothing else.
      await copyFile(path, aside);
      await truncate(path, 0);
      notes = [];
      await keepEnd(aside, maxBytes);
    },
    async lines(startedAt) {
      await note();
      const lastAt = async (file: string) => (await statOf(file))?.at ?? 0;
      const older = timed(await textOf(aside), [], await lastAt(aside));
      const present = timed(await textOf(path), notes, await lastAt(path));
      const dated = present.map((line) => ({ ...line, at: Math.max(line.at, startedAt) }));
      return [...older, ...dated];
    },
  };
}

/** @param lastAt the time of lines after the last note */
function timed(text: string, notes: readonly Note[], lastAt: number): TimedLine[] {
  let offset = 0;
  let next = 0;
  if (text === "") return [];
  return text.split(/(?<=\n)/).map((line) => {
    offset += Buffer.byteLength(line);
    while (next < notes.length && (notes[next]?.size ?? 0) < offset) next += 1;
    return { at: Math.round(notes[next]?.at ?? lastAt), text: line.replace(/\r?\n$/, "") };
  });
}

async function keepEnd(path: string, maxBytes: number): Promise<void> {
  const content = await readFile(path);
  if (content.length <= maxBytes) return;
  const end = content.subarray(content.length - maxBytes);
  await writeFile(path, end.subarray(end.indexOf("\n") + 1));
}

async function textOf(path: string): Promise<string> {
  return readFile(path, "utf8").catch(whenMissing("")) as Promise<string>;
}

async function statOf(path: string): Promise<Note | undefined> {
  const found = await stat(path).catch(whenMissing(undefined));
  return found === undefined ? undefined : { size: found.size, at: found.mtimeMs };
}

function whenMissing<T>(value: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === "ENOENT") return value;
    throw error;
  };
}
