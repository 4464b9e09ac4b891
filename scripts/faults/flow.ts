// Carries the bytes of one direction of one connection through whatever is wrong with the network.
import type { Socket } from "node:net";
import type { Nudge } from "./nudge.ts";

/** What is wrong with one direction; nothing by default. */
export interface Flow {
  /** Bytes vanish and the connection stays. When it is over, the connection is reset by the next byte:
   *  a stream with a hole is what no network delivers, and a NAT has forgotten it by then. */
  swallow?: boolean;
  /** Nothing passes and nothing is lost: what TCP makes of a partition that ends soon. */
  hold?: boolean;
  delayMs?: number;
  bytesPerSecond?: number;
  /** Counted from the moment of `set`, or from the beginning of a newer connection. What comes after
   *  never arrives: the connection is ended, or stays and is silent. */
  truncate?: { afterBytes: number; end: "cut" | "hang" };
}

interface FlowOptions {
  from: Socket;
  to: Socket;
  /** Woken when the faults change or a socket closes. */
  nudge: Nudge;
  /** The version rises with each change. */
  flow(): Flow & { version: number };
  onPassed(bytes: number): void;
  /** Bytes were there that a truncation has kept back; once for each. */
  onTruncated(): void;
}

interface Line {
  waiting: { chunk: Buffer; arrivedMs: number }[];
  bytes: number;
  /** The source has ended or failed, and all that came before is in the line. */
  isOver: boolean;
  failed: boolean;
}

/** What has been done since the faults were last changed. */
interface Progress {
  version: number;
  bytes: number;
  /** A slow link is busy until then. */
  notBeforeMs: number;
  /** Bytes of this connection are lost. */
  hasHole: boolean;
  isTruncated: boolean;
}

/** What is under way at most; with a delay it bounds the throughput as a real link's window does. */
const maxLineBytes = 256 * 1024;

/** A slow link delivers that often, so that slow does not mean in bursts. */
const slicesPerSecond = 20;

/** Ends when there is nothing left to carry; never throws. */
export async function runFlow(options: FlowOptions): Promise<void> {
  const line: Line = { waiting: [], bytes: 0, isOver: false, failed: false };
  await Promise.all([fill(line, options), drain(line, options)]);
}

async function fill(line: Line, { from, nudge }: FlowOptions): Promise<void> {
  try {
    for await (const chunk of from.iterator({ destroyOnReturn: false })) {
      line.waiting.push({ chunk, arrivedMs: performance.now() });
      line.bytes += chunk.byteLength;
      nudge.wake();
      while (line.bytes >= maxLineBytes && !from.destroyed) await nudge.wait();
    }
  } catch {
    line.failed = true;
  }
  line.isOver = true;
  nudge.wake();
}

async function drain(line: Line, options: FlowOptions): Promise<void> {
  const { from, to, nudge, flow } = options;
  let progress: Progress = {
    version: -1,
    bytes: 0,
    notBeforeMs: 0,
    hasHole: false,
    isTruncated: false,
  };
  const carry = async (): Promise<boolean> => {
    const now = flow();
    if (progress.version !== now.version) {
      const anew = { version: now.version, bytes: 0, notBeforeMs: 0, isTruncated: false };
      progress = { ...progress, ...anew };
    }
    if (!progress.isTruncated && line.waiting.length > 0 && leftOf(now, progress) <= 0) {
      progress.isTruncated = true;
      options.onTruncated();
    }
    const turn = turnOf(line, now, progress, to);
    if (turn.kind === "lose") progress.hasHole = lose(line, nudge) || progress.hasHole;
    if (turn.kind === "lose" || turn.kind === "wait") await nudge.wait(turn.ms);
    if (turn.kind === "end") return finish(to, line.failed);
    if (turn.kind === "reset") return finish(from, true) || finish(to, true);
    if (turn.kind === "pass") await pass(line, turn.bytes, options, progress);
    return true;
  };
  while (!(to.destroyed && (from.destroyed || line.isOver)) && (await carry()));
}

type Turn =
  | { kind: "lose" | "wait"; ms?: number }
  | { kind: "end" | "reset" }
  | { kind: "pass"; bytes: number };

/** What becomes of the first bytes of the line now. */
function turnOf(line: Line, flow: Flow, progress: Progress, to: Socket): Turn {
  const [first] = line.waiting;
  const left = leftOf(flow, progress);
  const isTruncated = left <= 0;
  if (to.destroyed || flow.swallow || (isTruncated && flow.truncate?.end === "hang")) {
    return { kind: "lose" };
  }
  if (flow.hold) return { kind: "wait" };
  if (isTruncated || (first === undefined && line.isOver)) return { kind: "end" };
  if (first === undefined) return { kind: "wait" };
  if (progress.hasHole) return { kind: "reset" };
  const dueMs = Math.max(first.arrivedMs + (flow.delayMs ?? 0), progress.notBeforeMs);
  const ms = dueMs - performance.now();
  if (ms > 0) return { kind: "wait", ms };
  const slice = Math.ceil((flow.bytesPerSecond ?? Number.POSITIVE_INFINITY) / slicesPerSecond);
  return { kind: "pass", bytes: Math.min(first.chunk.byteLength, left, slice) };
}

/** Bytes that may still pass. */
function leftOf({ truncate }: Flow, { bytes }: Progress): number {
  return (truncate?.afterBytes ?? Number.POSITIVE_INFINITY) - bytes;
}

/** @returns whether anything was lost */
function lose(line: Line, nudge: Nudge): boolean {
  if (line.waiting.length === 0) return false;
  line.waiting = [];
  line.bytes = 0;
  nudge.wake();
  return true;
}

/** @returns that there is nothing more to carry */
function finish(socket: Socket, abruptly: boolean): false {
  if (abruptly) socket.resetAndDestroy();
  else socket.end();
  return false;
}

async function pass(line: Line, bytes: number, options: FlowOptions, progress: Progress) {
  const { to, nudge, flow, onPassed } = options;
  const [first] = line.waiting;
  if (first === undefined) return;
  const slice = first.chunk.subarray(0, bytes);
  first.chunk = first.chunk.subarray(bytes);
  if (first.chunk.byteLength === 0) line.waiting.shift();
  line.bytes -= bytes;
  progress.bytes += bytes;
  progress.notBeforeMs = performance.now() + (bytes * 1000) / (flow().bytesPerSecond ?? Infinity);
  onPassed(bytes);
  nudge.wake();
  if (to.write(slice)) return;
  to.once("drain", nudge.wake);
  while (to.writableNeedDrain && !to.destroyed) await nudge.wait();
  to.off("drain", nudge.wake);
}
