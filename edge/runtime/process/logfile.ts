// One output stream of a copy: a bounded file that the process itself appends to.
//
// The process owns the descriptor, so no line is lost when the agent dies, and no line has a time of its
// own. The agent notes size and modification time now and then: a line's time is that of the first note
// after it, exact to about a second, and for lines written while no agent ran the latest possible one.
import {
  appendFileSync,
  closeSync,
  fstatSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { open, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { createQueue } from "#shared/serial.ts";

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
  /** The same but for an unfinished last line, and the place behind them. */
  whole(startedAt: number): Promise<{ lines: TimedLine[]; place: number }>;
  /** The bytes from a place on, as far as they are there.
   *  @param place counts from some zero over cuts and new runs, as long as this object lives */
  read(place: number, maxBytes: number): Promise<Piece>;
}

export interface Piece {
  bytes: Buffer;
  /** Behind the bytes. */
  place: number;
  /** Between the place that was asked for and the first byte. */
  lostBytes: number;
  /** Unix ms of the last write. */
  at: number;
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
  const inTurn = createQueue();
  let notes: Note[] = [];
  /** The place at which the present file begins, and the one at which what was put aside ends. */
  let begin = 0;
  let asideEnd = 0;

  async function note(): Promise<number> {
    const found = await statOf(path);
    if (found === undefined) return 0;
    if (found.size > (notes.at(-1)?.size ?? 0)) notes.push({ size: found.size, at: found.at });
    if (notes.length > notesLimit) notes = notes.filter((_, position) => position % 2 === 1);
    return found.size;
  }

  async function openNew() {
    const size = (await statOf(path))?.size ?? 0;
    if (size > 0) await rename(path, aside);
    begin += size;
    asideEnd = begin;
    notes = [];
    const handle = await open(path, "a", 0o600);
    return { fd: handle.fd, close: () => handle.close() };
  }

  /** Only the end is put aside: while no agent ran, the file has grown as it liked. What cannot be put aside,
   *  as on a full disk, is lost, since a file that is not cut takes the room that others free. */
  async function tend(): Promise<void> {
    const size = await note();
    if (size <= maxBytes) return;
    const from = Math.max(0, size - maxBytes);
    const end = await bytesOf(path, from, size - from);
    await writeFile(aside, from === 0 ? end : withoutFirstPart(end)).catch(() =>
      rm(aside, { force: true }),
    );
    cut(size);
    notes = [];
  }

  /** The process goes on appending: what it writes between the last read and the truncation is lost, nothing
   *  else. So nothing is awaited here, however busy the machine is.
   *  @param copied bytes of the file whose end is aside */
  function cut(copied: number): void {
    const from = Math.max(copied, statSync(path).size - maxBytes);
    const grown = bytesBehind(path, from);
    const add = from === copied ? appendFileSync : writeFileSync;
    try {
      add(aside, grown);
    } catch {
      rmSync(aside, { force: true });
    }
    asideEnd = begin + from + grown.length;
    begin += statSync(path).size;
    truncateSync(path, 0);
  }

  async function dated(startedAt: number): Promise<{ lines: TimedLine[]; content: Buffer }> {
    await tend();
    await note();
    const lastAt = async (file: string) => (await statOf(file))?.at ?? 0;
    const older = timed((await contentOf(aside)).toString("utf8"), [], await lastAt(aside));
    const content = await contentOf(path);
    const present = timed(content.toString("utf8"), notes, await lastAt(path));
    const later = present.map((line) => ({ ...line, at: Math.max(line.at, startedAt) }));
    return { lines: [...older, ...later], content };
  }

  async function whole(startedAt: number) {
    const { lines, content } = await dated(startedAt);
    const endedBytes = content.lastIndexOf("\n") + 1;
    const isWhole = endedBytes === content.length;
    return { lines: isWhole ? lines : lines.slice(0, -1), place: begin + endedBytes };
  }

  async function readAside(place: number, maxBytes: number): Promise<Piece> {
    const found = (await statOf(aside)) ?? { size: 0, at: 0 };
    const asideBegin = asideEnd - found.size;
    const from = Math.max(place, asideBegin);
    const bytes = await bytesOf(aside, from - asideBegin, maxBytes);
    return { bytes, place: from + bytes.length, lostBytes: from - place, at: found.at };
  }

  async function readOn(place: number, maxBytes: number): Promise<Piece> {
    if (place < asideEnd) {
      const piece = await readAside(place, maxBytes);
      if (piece.bytes.length > 0) return piece;
    }
    const from = Math.max(place, begin);
    const at = (await statOf(path))?.at ?? 0;
    const bytes = await bytesOf(path, from - begin, maxBytes);
    return { bytes, place: from + bytes.length, lostBytes: from - place, at };
  }

  return {
    open: () => inTurn(openNew),
    tend: () => inTurn(tend),
    lines: (startedAt) => inTurn(async () => (await dated(startedAt)).lines),
    whole: (startedAt) => inTurn(() => whole(startedAt)),
    read: (place, maxBytes) => inTurn(() => readOn(place, maxBytes)),
  };
}

async function bytesOf(path: string, offset: number, maxBytes: number): Promise<Buffer> {
  const file = await open(path, "r").catch(whenMissing(undefined));
  if (file === undefined) return Buffer.alloc(0);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(maxBytes), 0, maxBytes, offset);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

function bytesBehind(path: string, offset: number): Buffer {
  const file = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(Math.max(0, fstatSync(file).size - offset));
    return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, offset));
  } finally {
    closeSync(file);
  }
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

/** Of a line whose beginning is gone. */
function withoutFirstPart(bytes: Buffer): Buffer {
  return bytes.subarray(bytes.indexOf("\n") + 1);
}

async function contentOf(path: string): Promise<Buffer> {
  return readFile(path).catch(whenMissing(Buffer.alloc(0)));
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
