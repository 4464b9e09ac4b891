// Live logs between the hub's side and the device's: credit, sharing, loss, and every way to end.
import * as assert from "node:assert/strict";
import { createLineRing, type LineRing } from "#edge/logs/ring.ts";
import type { SourceItem, Wanted } from "#edge/logs/source.ts";
import { FleetError } from "#shared/errors.ts";
import { suite } from "#test/suite.ts";
import {
  createLine,
  type Line,
  marked,
  pi,
  short,
  takeLines,
  takePast,
  texts,
  until,
  wish,
} from "./line.ts";

const test = suite("live logs of both sides");

function ring(): LineRing {
  return createLineRing({ maxCost: 64 * 1024 });
}

function say(log: LineRing, ...said: (string | number)[]): void {
  for (const text of said) log.write({ at: Date.now(), text: String(text) });
}

async function withLine(
  options: Parameters<typeof createLine>[0],
  body: (line: Line) => Promise<void>,
): Promise<void> {
  const line = createLine(options);
  try {
    await body(line);
  } finally {
    line.stop();
  }
}

test("a reader gets what was there, and then each line as it is said", async () => {
  const log = ring();
  say(log, 1, 2, 3);
  await withLine({ open: (_, wanted) => log.follow(wanted) }, async ({ live }) => {
    const reader = await live.open("pi-1" as never, wish({ tail: 2 }));
    const first = takeLines(reader, 3);
    say(log, 4);
    assert.deepEqual(texts(await first), ["2", "3", "4"]);
  });
});

test("each reader that follows is told once where what was there before ends", async () => {
  const log = ring();
  say(log, 1, 2);
  await withLine({ open: (_, wanted) => log.follow(wanted) }, async ({ live, commands }) => {
    const one = await live.open(pi, wish());
    const first = await takePast(one);
    say(log, 3);
    assert.deepEqual(marked([...first, ...(await takeLines(one, 1))]), ["1", "2", "caughtUp", "3"]);
    const two = await live.open(pi, wish({ tail: 2 }));
    const second = await takePast(two);
    say(log, 4);
    assert.deepEqual(marked([...second, ...(await takeLines(two, 1))]), [
      "2",
      "3",
      "caughtUp",
      "4",
    ]);
    assert.equal(commands.filter((kind) => kind === "open").length, 1);
    const whole = await live.open(pi, wish({ follow: false }));
    assert.deepEqual(marked(await takeLines(whole, Infinity)).at(-1), "end complete");
  });
  await withLine({ open: (_, wanted) => ring().follow(wanted) }, async ({ live }) => {
    const reading = (await live.open(pi, wish()))[Symbol.asyncIterator]();
    assert.equal((await reading.next()).value?.kind, "caughtUp");
  });
});

test("without following the log ends when all was sent, and neither side keeps anything", async () => {
  const log = ring();
  say(log, ...Array.from({ length: 500 }, (_, at) => `line ${at}`));
  await withLine({ open: (_, wanted) => log.follow(wanted) }, async ({ live, commands }) => {
    const reader = await live.open("pi-1" as never, wish({ tail: 1000, follow: false }));
    const all = texts(await takeLines(reader, Infinity));
    assert.equal(all.length, 501);
    assert.deepEqual([all[0], all[499], all[500]], ["line 0", "line 499", "end complete"]);
    assert.deepEqual(live.counts(), { streams: 0, readers: 0, lines: 500, droppedBytes: 0 });
    await until(() => commands.at(-1) === "close", "the device to be told");
  });
});

/** A source without end that counts how far it was read. */
function endless(): {
  read: number;
  open: (_: unknown, wanted: Wanted) => AsyncIterable<SourceItem>;
} {
  const source = {
    read: 0,
    async *open(_: unknown, { signal }: Wanted): AsyncGenerator<SourceItem> {
      while (!signal.aborted) {
        source.read += 1;
        yield { lines: [{ at: 1, text: `${source.read} ${"x".repeat(1000)}` }], droppedBytes: 0 };
        await new Promise(setImmediate);
      }
    },
  };
  return source;
}

test("a reader that does not read stops the device's reading within the window, and loses nothing", async () => {
  const source = endless();
  await withLine({ open: source.open }, async ({ live }) => {
    const reader = await live.open("pi-1" as never, wish());
    await until(() => source.read >= 60, "the window to fill");
    await new Promise((resolve) => setTimeout(resolve, 300));
    const stood = source.read;
    assert.ok(stood * 1000 < 100 * 1024, `${stood} lines were read ahead`);
    const some = texts(await takeLines(reader, 300));
    assert.deepEqual(
      some.map((text) => Number(text.split(" ")[0])),
      Array.from({ length: 300 }, (_, at) => at + 1),
    );
  });
});

test("readers of one log share a stream, and one who wants more than is here gets a stream of its own", async () => {
  const log = ring();
  say(log, 1, 2, 3, 4, 5);
  await withLine({ open: (_, wanted) => log.follow(wanted) }, async ({ live, commands }) => {
    const opens = (): number => commands.filter((kind) => kind === "open").length;
    const one = await live.open("pi-1" as never, wish({ tail: 3 }));
    assert.deepEqual(texts(await takeLines(one, 3)), ["3", "4", "5"]);
    const two = await live.open("pi-1" as never, wish({ tail: 2 }));
    assert.deepEqual(texts(await takeLines(two, 2)), ["4", "5"]);
    assert.equal(opens(), 1);
    const more = await live.open("pi-1" as never, wish({ tail: 5 }));
    assert.equal(opens(), 2);
    say(log, 6);
    assert.deepEqual(texts(await takeLines(one, 1)), ["6"]);
    assert.deepEqual(texts(await takeLines(two, 1)), ["6"]);
    assert.deepEqual(texts(await takeLines(more, 6)), ["1", "2", "3", "4", "5", "6"]);
    assert.deepEqual(live.counts(), { streams: 2, readers: 3, lines: 13, droppedBytes: 0 });
  });
});

test("who stalls beside a reader loses lines, is told how many bytes, and holds nobody up", async () => {
  const source = endless();
  const limits = { windowCost: 16 * 1024, keptCost: 32 * 1024, stallMs: 100 };
  await withLine({ open: source.open, limits }, async ({ live }) => {
    const slow = await live.open("pi-1" as never, wish());
    const quick = await live.open("pi-1" as never, wish({ tail: 0 }));
    assert.equal(live.counts().streams, 1);
    await takeLines(quick, 200);
    const seen = await takeLines(slow, 3);
    const [first, ...rest] = texts(seen);
    assert.match(first ?? "", /^dropped \d{5,}$/);
    const numbers = rest.map((text) => Number(text.split(" ")[0]));
    const lost = Number(first?.split(" ")[1]);
    assert.ok(
      Math.abs(lost / 1050 - ((numbers[0] ?? 0) - 1)) < 10,
      `${first} before ${numbers[0]}`,
    );
    assert.ok(live.counts().droppedBytes >= lost, "what a reader was told it lost is counted");
  });
});

test("messages that are lost or whose connection breaks come again, in order and once", async () => {
  const log = ring();
  await withLine({ open: (_, wanted) => log.follow(wanted) }, async (line) => {
    const reader = await line.live.open("pi-1" as never, wish());
    // By its number, and not for ever: every third message of a round could be the same one each time.
    const tries = new Map<number, number>();
    line.loses = (output) => {
      if (output.kind !== "lines") return false;
      const tried = (tries.get(output.seq) ?? 0) + 1;
      tries.set(output.seq, tried);
      return tried <= output.seq % 3;
    };
    const wanted = Array.from({ length: 40 }, (_, at) => String(at));
    const got = takeLines(reader, 40);
    for (const [at, text] of wanted.entries()) {
      say(log, text);
      await new Promise((resolve) => setTimeout(resolve, 5));
      if (at % 10 === 5) line.cut();
      if (at % 10 === 8) line.connect();
    }
    assert.deepEqual(texts(await got), wanted);
    assert.ok(line.outputs.length > 40, "some were sent again");
  });
});

test("a connection that stays away ends the log with that word, and the device lets go by itself", async () => {
  const log = ring();
  let ended = 0;
  const open = (_: unknown, wanted: Wanted): AsyncIterable<SourceItem> => {
    wanted.signal.addEventListener("abort", () => (ended += 1));
    return log.follow(wanted);
  };
  await withLine({ open, limits: short }, async (line) => {
    const reader = await line.live.open("pi-1" as never, wish());
    line.cut();
    assert.deepEqual(texts(await takeLines(reader, 1)), ["end lost"]);
    await until(() => ended === 1, "the device to let go");
  });
});

test("a stream that no reader is left of is closed at once on both sides", async () => {
  const log = ring();
  let ended = 0;
  const open = (_: unknown, wanted: Wanted): AsyncIterable<SourceItem> => {
    wanted.signal.addEventListener("abort", () => (ended += 1));
    return log.follow(wanted);
  };
  await withLine({ open }, async ({ live }) => {
    const reader = await live.open("pi-1" as never, wish());
    reader.close();
    assert.partialDeepStrictEqual(live.counts(), { streams: 0, readers: 0 });
    await until(() => ended === 1, "the device to let go", 30_000);
  });
});

test("a lifetime ends the stream with that word", async () => {
  const log = ring();
  const limits = { lifetimeMs: 1000 };
  await withLine({ open: (_, wanted) => log.follow(wanted), limits }, async ({ live }) => {
    const reader = await live.open("pi-1" as never, wish());
    assert.deepEqual(texts(await takeLines(reader, 1)), ["end expired"]);
  });
});

test("what the device refuses is the error of the request, with its hint", async () => {
  const open = (): never => {
    throw new FleetError("not_found", { message: "there is no app x", hint: "There is: y." });
  };
  await withLine({ open }, async ({ live }) => {
    await assert.rejects(live.open("pi-1" as never, wish()), {
      ...{ code: "not_found", message: "there is no app x", hint: "There is: y." },
    });
    assert.partialDeepStrictEqual(live.counts(), { streams: 0, readers: 0 });
  });
});

test("a device that has no connection, never answers, or serves too many is named as such", async () => {
  const log = ring();
  const open = (_: unknown, wanted: Wanted): AsyncIterable<SourceItem> => log.follow(wanted);
  await withLine({ open, deviceLimits: { maxStreams: 1 } }, async (line) => {
    await line.live.open("pi-1" as never, wish());
    const other = wish({ source: { kind: "events" } });
    await assert.rejects(line.live.open("pi-1" as never, other), { code: "limit_reached" });
    line.cut();
    await assert.rejects(line.live.open("pi-1" as never, wish()), { message: /over HTTP/ });
    Object.assign(line.row, { connection: "Offline", lastSeenAt: Date.now() - 7_200_000 });
    await assert.rejects(line.live.open("pi-1" as never, wish()), {
      message: /^pi-1 is Offline: last seen 20.*, 2 h ago$/,
    });
  });
  await withLine({ open, limits: short }, async (line) => {
    line.loses = () => true;
    await assert.rejects(line.live.open("pi-1" as never, wish()), {
      code: "device_unreachable",
      message: /did not answer/,
    });
  });
});

test("the hub opens no more than its limits", async () => {
  const log = ring();
  const limits = { maxStreamsPerDevice: 2 };
  await withLine({ open: (_, wanted) => log.follow(wanted), limits }, async ({ live }) => {
    for (const run of ["a", "b"]) {
      await live.open("pi-1" as never, wish({ source: { kind: "run", run } }));
    }
    const third = live.open("pi-1" as never, wish());
    await assert.rejects(third, { code: "limit_reached" });
  });
});
