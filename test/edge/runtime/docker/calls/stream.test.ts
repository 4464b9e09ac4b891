import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { documents, frames } from "#edge/runtime/docker/calls/stream.ts";
import { suite } from "#test/suite.ts";

const test = suite("engine streams");

function frame(kind: number, text: string): Buffer {
  const header = Buffer.alloc(8);
  header[0] = kind;
  header.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([header, Buffer.from(text)]);
}

test("puts documents together that arrive in pieces, even of a letter", async () => {
  const text = Buffer.from('{"a":1}\r\n{"b":"é"}\n\n{"c":3}');
  const inLetter = text.indexOf(0xc3) + 1;
  const stream = Readable.from([text.subarray(0, inLetter), text.subarray(inLetter)]);
  const read = [];
  for await (const document of documents(stream)) read.push(document);
  assert.deepEqual(read, [{ a: 1 }, { b: "é" }, { c: 3 }]);
});

test("takes stdout and stderr apart and leaves out a frame that is cut off", () => {
  const output = Buffer.concat([
    frame(1, "out"),
    frame(2, "err"),
    frame(1, "lost").subarray(0, 10),
  ]);
  const read = [...frames(output)].map(({ stream, payload }) => `${stream} ${payload.toString()}`);
  assert.deepEqual(read, ["stdout out", "stderr err"]);
});
