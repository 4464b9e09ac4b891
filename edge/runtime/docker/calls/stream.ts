// Reads the Engine's streams: one JSON document per line, and the frames of stdout and stderr.
import type { Readable } from "node:stream";

/** The documents of a stream, one per line, as they arrive. Leaving the loop closes the connection.
 *  @throws the stream's error when the Engine breaks off */
export async function* documents<T>(stream: Readable): AsyncGenerator<T> {
  stream.setEncoding("utf8");
  let rest = "";
  for await (const chunk of stream as AsyncIterable<string>) {
    const lines = `${rest}${chunk}`.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.trim() !== "") yield JSON.parse(line) as T;
  }
  if (rest.trim() !== "") yield JSON.parse(rest) as T;
}

export interface Frame {
  stream: "stdout" | "stderr";
  payload: Buffer;
}

const headerBytes = 8;

/** Takes multiplexed output apart; an incomplete last frame is left out.
 *  @see https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerAttach */
export function* frames(output: Buffer): Generator<Frame> {
  for (let at = 0; at + headerBytes <= output.length; ) {
    const end = at + headerBytes + output.readUInt32BE(at + 4);
    if (end > output.length) return;
    const stream = output[at] === 2 ? "stderr" : "stdout";
    yield { stream, payload: output.subarray(at + headerBytes, end) };
    at = end;
  }
}

/** The same for output that arrives in pieces: a frame's bytes are handed on as they come, so that a
 *  frame of whatever size is never gathered. */
export function createFrameCutter(): (bytes: Buffer) => Frame[] {
  const header = Buffer.alloc(headerBytes);
  let headerLength = 0;
  let toCome = 0;
  let stream: Frame["stream"] = "stdout";
  return (bytes) => {
    const found: Frame[] = [];
    let at = 0;
    while (at < bytes.length) {
      if (toCome === 0) {
        const took = bytes.copy(header, headerLength, at, at + headerBytes - headerLength);
        headerLength += took;
        at += took;
        if (headerLength < headerBytes) break;
        headerLength = 0;
        stream = header[0] === 2 ? "stderr" : "stdout";
        toCome = header.readUInt32BE(4);
        continue;
      }
      const payload = bytes.subarray(at, at + toCome);
      found.push({ stream, payload });
      at += payload.length;
      toCome -= payload.length;
    }
    return found;
  };
}

const keptBytes = 64 * 1024;

/** What a command printed on both streams, up to a bound, as text. */
export async function headText(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= keptBytes) chunks.push(chunk);
  }
  const parts = [...frames(Buffer.concat(chunks))].map((frame) => frame.payload);
  return Buffer.concat(parts).toString("utf8").trim();
}
