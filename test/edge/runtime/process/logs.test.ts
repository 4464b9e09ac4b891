// The output of copies: streams, times, bounds.
import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { join } from "node:path";
import type { LogBatch } from "#edge/runtime/port.ts";
import { benchTests, only, shell, until } from "./fixture.ts";

const test = benchTests("process logs");

test("tells output from errors, oldest first, and only of the wanted time", async ({
  runtime,
  app,
}) => {
  const one = runtime();
  const shop = app({ web: shell("echo one; echo bad >&2; sleep 1.2; echo two; sleep 60") });
  await one.start(shop, { service: "web", index: 1 });
  const instance = await only(one);
  await until("last line", async () => (await one.logs(instance, { tail: 9 })).length === 3);
  const lines = await one.logs(instance, { tail: 9 });
  assert.deepEqual(lines.map((line) => `${line.stream} ${line.text}`).sort(), [
    "stderr bad",
    "stdout one",
    "stdout two",
  ]);
  const two = lines.find((line) => line.text === "two");
  const early = lines.find((line) => line.text === "one");
  assert.ok(two && early && two.at - early.at >= 500, "the pause shows in the times");
  const late = await one.logs(instance, { tail: 9, sinceMs: two.at });
  assert.deepEqual(
    late.map((line) => line.text),
    ["two"],
  );
  const last = await one.logs(instance, { tail: 1 });
  assert.deepEqual(
    last.map((line) => line.text),
    ["two"],
  );
});

test("bounds the logs of a copy that writes without end", async ({ runtime, app, directory }) => {
  const one = runtime({ maxLogBytes: 40_000 });
  const shop = app({
    web: shell("i=0; while [ $i -lt 6000 ]; do echo line $i of many; i=$((i+1)); done; sleep 60"),
  });
  await one.start(shop, { service: "web", index: 1 });
  const folder = join(directory, "copies/shop/web.1");
  const size = () =>
    ["stdout.log", "stdout.log.1", "stderr.log"].reduce(
      (sum, name) => sum + (statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0),
      0,
    );
  const instance = await only(one);
  const wroteAll = async () =>
    (await one.logs(instance, { tail: 1 }))[0]?.text === "line 5999 of many";
  await until("all lines", wroteAll);
  await until("the cut", () => size() <= 40_000);
  const lines = await one.logs(instance, { tail: 100 });
  assert.equal(lines.length, 100);
  assert.equal(lines.at(-1)?.text, "line 5999 of many");
});

test("keeps a copy's logs after its removal, until the app goes", async ({ runtime, app }) => {
  const one = runtime();
  const shop = app({ web: shell("echo last words; exit 1") });
  await one.start(shop, { service: "web", index: 1 });
  await until("exit", async () => (await only(one)).state === "exited");
  const instance = await only(one);
  await one.remove(instance);
  assert.equal((await one.logs(instance, { tail: 5 }))[0]?.text, "last words");
  await one.cleanUp(shop.app, shop.project);
  assert.deepEqual(await one.logs(instance, { tail: 5 }), []);
});

/** Texts until there are so many. */
async function readOn(more: AsyncIterable<LogBatch>, count: number) {
  const texts: string[] = [];
  let droppedBytes = 0;
  for await (const batch of more) {
    // A shell may have a last word of its own when it is ended.
    texts.push(...batch.lines.map(({ text }) => text).filter((text) => text !== "Terminated"));
    droppedBytes += batch.droppedBytes;
    if (texts.length >= count) break;
  }
  return { texts, droppedBytes };
}

const counting = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, at) => `line ${from + at}`);

test("follows without a gap through cuts of the file and a restart", async ({ runtime, app }) => {
  const one = runtime({ maxLogBytes: 600 });
  const say =
    "i=1; while [ $i -le 50 ]; do echo line $i; i=$((i+1)); sleep 0.1; done; exec sleep 60";
  const shop = app({ web: shell(say) });
  await one.start(shop, { service: "web", index: 1 });
  const instance = await only(one);
  await until("some lines", async () => (await one.logs(instance, { tail: 99 })).length > 5);
  const ending = new AbortController();
  const { last, more } = await one.follow(instance, { tail: 99, signal: ending.signal });
  const before = last.map(({ text }) => text);
  const { texts, droppedBytes } = await readOn(more, 50 - before.length);
  assert.deepEqual([...before, ...texts], counting(1, 50));
  assert.equal(droppedBytes, 0);
  const again = await one.follow(instance, { tail: 0, signal: ending.signal });
  await one.restart(instance);
  assert.deepEqual(again.last, []);
  assert.deepEqual((await readOn(again.more, 3)).texts.slice(0, 3), counting(1, 3));
  ending.abort();
});

test("says how many bytes a slow follower has missed, and ends when the copy is gone", async ({
  runtime,
  app,
  directory,
}) => {
  const one = runtime({ maxLogBytes: 4000 });
  // At once, and the first look comes after it: what is written in the very moment of a cut is not counted.
  const say = 'printf "%s\\n" "$lines"; sleep 2; echo last; exec sleep 60';
  const make = "lines=$(i=1; while [ $i -le 3000 ]; do echo line $i; i=$((i+1)); done)";
  const shop = app({ web: shell(`${make}; sleep 0.5; ${say}`) });
  await one.start(shop, { service: "web", index: 1 });
  const instance = await only(one);
  const { more } = await one.follow(instance, { tail: 0, signal: new AbortController().signal });
  const written = join(directory, "copies/shop/web.1/stdout.log");
  const aside = () => statSync(`${written}.1`, { throwIfNoEntry: false });
  await until("the lines to be written", () => statSync(written).size > 0 || aside() !== undefined);
  const text = async () => (await one.logs(instance, { tail: 1 }))[0]?.text;
  await until("all to be cut", async () => (await text()) === "last", 10_000);
  await one.remove(instance);
  const { texts, droppedBytes } = await readOn(more, Infinity);
  const saidBytes = counting(1, 3000).concat("last").join("\n").length + 1;
  const read = texts.map((line) => line.length + 1).reduce((sum, bytes) => sum + bytes, 0);
  assert.ok(droppedBytes > 0 && texts.length < 3000);
  assert.equal(read + droppedBytes, saidBytes);
});
