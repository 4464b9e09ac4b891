// Which commands a device obeys, and what it does about those that are forged, old or too many.
import * as assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { createLineRing } from "#edge/logs/ring.ts";
import { createLiveStreams, type LiveStreams } from "#edge/logs/streams.ts";
import { type Envelope, keyIdOf, seal } from "#shared/envelope.ts";
import type { DeviceId } from "#shared/ids.ts";
import {
  commandPayloadType,
  type OpenCommand,
  type StreamCommand,
  type StreamOutput,
  sealCommand,
} from "#shared/stream.ts";
import { encode } from "#shared/wire.ts";
import { manualClock } from "#test/hub/api/world.ts";
import { suite } from "#test/suite.ts";

const test = suite("commands of live streams");

const device = "pi-1" as DeviceId;
const hub = generateKeyPairSync("ed25519");
const hubId = keyIdOf(hub.publicKey);
const stream = "a".repeat(32);

interface Bench {
  streams: LiveStreams;
  clock: ReturnType<typeof manualClock>;
  said: StreamOutput[];
  opened: number;
  give(envelope: Envelope): void;
  tell(command: StreamCommand): void;
  /** Asks, and answers with an `open` that holds. */
  open(id: string, more?: Partial<OpenCommand>): Promise<OpenCommand>;
  settle(): Promise<void>;
}

async function withStreams(body: (bench: Bench) => Promise<void>, maxStreams = 8): Promise<void> {
  const clock = { ...manualClock(), sleep: (_: number, signal?: AbortSignal) => aborted(signal) };
  const log = createLineRing({ maxCost: 10_000 });
  log.write({ at: 1, text: "hello" });
  const ending = new AbortController();
  const streams = createLiveStreams({
    ...{ device, clock, limits: { maxStreams }, trusted: new Map([[hubId, hub.publicKey]]) },
    open: (_, wanted) => {
      bench.opened += 1;
      return log.follow(wanted);
    },
  });
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
  };
  const give: Bench["give"] = (envelope) => streams.receive(encode("cmd", envelope));
  const tell: Bench["tell"] = (command) => give(sealCommand(command, hub.privateKey, hubId));
  const bench: Bench = {
    ...{ streams, clock, said: [], opened: 0, settle, give, tell },
    open: async (id, more = {}) => {
      tell({ kind: "ask", device, stream: id });
      await settle();
      const command = openWith(id, nonceOf(bench.said, id), more);
      tell(command);
      await settle();
      return command;
    },
  };
  void streams.run(async (output) => void bench.said.push(output), ending.signal);
  try {
    await body(bench);
  } finally {
    streams.stop();
    ending.abort();
  }
}

function aborted(signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal?.addEventListener("abort", () => resolve()));
}

function openWith(id: string, nonce: string, more: Partial<OpenCommand> = {}): OpenCommand {
  return {
    ...{
      kind: "open",
      device,
      stream: id,
      nonce,
      source: { kind: "agent" },
      follow: true,
      tail: 9,
    },
    ...{ credit: 10_000, leaseMs: 10_000, lifetimeMs: 60_000, ...more },
  };
}

function nonceOf(said: readonly StreamOutput[], id: string): string {
  const answer = said.findLast((one) => one.kind === "nonce" && one.stream === id);
  return answer?.kind === "nonce" ? answer.nonce : "none";
}

const refused = { code: "envelope_invalid" };

test("an open with the nonce that was just given out is obeyed, once", async () => {
  await withStreams(async (bench) => {
    const command = await bench.open(stream);
    assert.equal(bench.opened, 1);
    assert.throws(() => bench.tell(command), refused);
    assert.equal(bench.opened, 1);
  });
});

test("a recorded open holds neither under a new nonce nor after its time by the device's timer", async () => {
  await withStreams(async (bench) => {
    bench.tell({ kind: "ask", device, stream });
    await bench.settle();
    const old = openWith(stream, nonceOf(bench.said, stream));
    bench.tell({ kind: "ask", device, stream });
    await bench.settle();
    assert.throws(() => bench.tell(old), refused);
    const held = openWith(stream, nonceOf(bench.said, stream));
    bench.clock.advance(15_000);
    assert.throws(() => bench.tell(held), refused);
    assert.equal(bench.opened, 0);
  });
});

test("nothing is obeyed that the hub did not sign for this device as a command", async () => {
  await withStreams(async (bench) => {
    const thief = generateKeyPairSync("ed25519");
    const ask: StreamCommand = { kind: "ask", device, stream };
    const other: StreamCommand = { ...ask, device: "pi-2" as DeviceId };
    const forged = [
      sealCommand(ask, thief.privateKey, keyIdOf(thief.publicKey)),
      sealCommand(ask, thief.privateKey, hubId),
      sealCommand(other, hub.privateKey, hubId),
      // A signature of the hub, but over a document of another type.
      { ...seal("application/json", ask, hub.privateKey, hubId), payloadType: commandPayloadType },
      seal(commandPayloadType, { kind: "reboot", device, stream }, hub.privateKey, hubId),
    ];
    for (const envelope of forged) assert.throws(() => bench.give(envelope), refused);
    const tampered = sealCommand(ask, hub.privateKey, hubId);
    const payload = Buffer.from(JSON.stringify({ ...ask, stream: "b".repeat(32) }));
    const changed = { ...tampered, payload: payload.toString("base64") };
    assert.throws(() => bench.give(changed), refused);
    await bench.settle();
    assert.deepEqual(bench.said, []);
  });
});

test("many who ask and never open take bounded room, and the newest can still open", async () => {
  await withStreams(async (bench) => {
    const idOf = (at: number): string => at.toString(16).padStart(32, "0");
    for (let at = 0; at < 50; at += 1) bench.tell({ kind: "ask", device, stream: idOf(at) });
    await bench.settle();
    const first = bench.said[0];
    assert.ok(first?.kind === "nonce" && bench.said.length <= 16);
    assert.throws(() => bench.tell(openWith(idOf(0), "0".repeat(32))), refused);
    bench.tell(openWith(idOf(49), nonceOf(bench.said, idOf(49))));
    assert.equal(bench.opened, 1);
  });
});

test("more streams than the device serves are refused with a word", async () => {
  await withStreams(async (bench) => {
    await bench.open(stream);
    await bench.open("b".repeat(32));
    const last = bench.said.at(-1);
    assert.ok(last?.kind === "end" && last.reason === "refused" && last.code === "limit_reached");
    assert.equal(bench.opened, 1);
  }, 1);
});

test("credit that comes twice or late changes nothing", async () => {
  await withStreams(async (bench) => {
    await bench.open(stream, { credit: 0 });
    const lines = (): number =>
      bench.said.flatMap((one) => (one.kind === "lines" ? one.lines : [])).length;
    const credit = { kind: "credit", device, stream, received: 0 } as const;
    assert.equal(lines(), 0);
    bench.tell({ ...credit, number: 2, credit: 0 });
    bench.tell({ ...credit, number: 1, credit: 5000 });
    await bench.settle();
    assert.equal(lines(), 0);
    bench.tell({ ...credit, number: 3, credit: 5000 });
    await bench.settle();
    assert.equal(lines(), 1);
  });
});
