// A connection that ends before a peer can fill the hub's memory: by packets that are too large, by
// bytes sent before it is known who sends them, or by not reading what it asked for.
import type { Socket } from "node:net";
import { Duplex } from "node:stream";

export type LimitBroken = "not_mqtt" | "packet_too_large" | "too_much_before_login" | "slow_reader";

export interface ConnectionLimits {
  /** Largest packet with its header, once the peer is known. */
  maxPacketBytes: number;
  /** All bytes that a peer may send before it is known. */
  maxLoginBytes: number;
  /** Bytes waiting for a peer that does not read. */
  maxOutboundBytes: number;
}

/** From here on the broker waits before it sends more retained messages. */
const pauseAtBytes = 256 * 1024;

const connectPacket = 0x10;

/** Follows the packets of a stream by their fixed headers alone, without keeping a byte.
 *  @see MQTT 3.1.1, section 2.2.3 "Remaining Length" */
export function packetGate(maxPacketBytes: number): (chunk: Uint8Array) => LimitBroken | null {
  /** Bytes of the current packet still to come; null while its length is being read. */
  let toCome: number | null = null;
  let length = 0;
  let digits = -1;
  let first = true;

  const header = (byte: number): LimitBroken | null => {
    if (digits === -1) {
      if (first && byte !== connectPacket) return "not_mqtt";
      first = false;
      digits = 0;
      return null;
    }
    length += (byte & 0x7f) * 128 ** digits;
    digits += 1;
    if (byte >= 0x80) return digits < 4 ? null : "not_mqtt";
    if (length + digits + 1 > maxPacketBytes) return "packet_too_large";
    toCome = length;
    return null;
  };
  return (chunk) => {
    let at = 0;
    while (at < chunk.length) {
      if (toCome === null) {
        const broken = header(chunk[at] ?? 0);
        if (broken !== null) return broken;
        at += 1;
      } else {
        const step = Math.min(toCome, chunk.length - at);
        toCome -= step;
        at += step;
      }
      if (toCome === 0) [toCome, length, digits] = [null, 0, -1];
    }
    return null;
  };
}

/** What the broker gets in place of the socket. */
export class LimitedConnection extends Duplex {
  readonly remoteAddress: string;
  readonly #socket: Socket;
  readonly #limits: ConnectionLimits;
  readonly #broken: (limit: LimitBroken) => void;
  readonly #gate: ReturnType<typeof packetGate>;
  #loginBytes = 0;
  #known = false;

  constructor(socket: Socket, limits: ConnectionLimits, broken: (limit: LimitBroken) => void) {
    super({ writableHighWaterMark: pauseAtBytes });
    this.remoteAddress = socket.remoteAddress ?? "";
    this.#socket = socket;
    this.#limits = limits;
    this.#broken = broken;
    this.#gate = packetGate(limits.maxPacketBytes);
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("end", () => this.push(null));
    socket.on("error", (error) => this.destroy(error));
    socket.on("close", () => this.destroy());
  }

  /** The peer has shown who it is. */
  admit(): void {
    this.#known = true;
  }

  #receive(chunk: Buffer): void {
    const broken = this.#check(chunk);
    if (broken !== null) this.#end(broken);
    else if (!this.destroyed && !this.push(chunk)) this.#socket.pause();
  }

  #check(chunk: Buffer): LimitBroken | null {
    if (!this.#known) this.#loginBytes += chunk.length;
    if (this.#loginBytes > this.#limits.maxLoginBytes) return "too_much_before_login";
    return this.#gate(chunk);
  }

  #end(limit: LimitBroken): void {
    if (this.destroyed) return;
    this.#broken(limit);
    this.destroy(new Error(`connection ended: ${limit}`));
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#socket.cork();
    const last = chunks.pop();
    for (const { chunk } of chunks) this.#socket.write(chunk);
    if (last === undefined) done();
    else this.#socket.write(last.chunk, done);
    this.#socket.uncork();
  }

  /** The writer corks and uncorks once around every packet, so this sees each of them. */
  override uncork(): void {
    super.uncork();
    if (this.writableLength > this.#limits.maxOutboundBytes) this.#end("slow_reader");
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }
}
