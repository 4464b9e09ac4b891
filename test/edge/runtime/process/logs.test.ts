// The output of copies: streams, times, bounds.
import assert from "node:assert/strict";
import { existsSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { LogBatch } from "#edge/runtime/port.ts";
import { systemClock } from "#shared/clock.ts";
import { benchTests, only, shell, until } from "./fixture.ts";

const test = benchTests("process logs");

/** Shell commands that wait for the test's word. */
const awaited = "until test -e go; do sleep 0.05; done";

test("tells output from errors, oldest first, and only of the wanted time", async ({
  runtime,
  app,
  release,
}) => {
  const one = runtime();
  const shop = app({ web: shell(`echo one; echo bad >&2; ${awaited}; echo two; sleep 60`) });
  await one.start(shop, { service: "web", index: 1 });
  const instance = await only(one);
  const all = () => one.logs(instance, { tail: 9 });
  await until("the first lines", async () => (await all()).length === 2);
  await systemClock.sleep(600);
  writeFileSync(join(release, "go"), "");
  await until("last line", async () => (await all()).length === 3);
  const lines = await all();
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
    // Its last line comes again: what is written in the very moment of a cut is lost.
    web: shell(
      "i=0; while :; do echo line $i of many; [ $i -lt 6000 ] && i=$((i+1)) || sleep 0.1; done",
    ),
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
    (await one.logs(instance, { tail: 1 }))[0]?.text === "line 6000 of many";
  await until("all lines", wroteAll);
  await until("the cut", () => size() <= 40_000);
  const lines = await one.logs(instance, { tail: 100 });
  assert.equal(lines.length, 100);
  assert.equal(lines.at(-1)?.text, "line 6000 of many");
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
async function readOn(more: AsyncIterable<LogBatch>, count: number, texts: string[] = []) {
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

test("follows without a gap through cuts of the file and a restart", async ({
  runtime,
  app,
  release,
  directory,
}) => {
  const one = runtime({ maxLogBytes: 600 });
  for (const part of [1, 2, 3, 4, 5]) {
    const lines = counting(part * 10 - 9, part * 10);
    writeFileSync(join(release, `part${part}`), `${lines.join("\n")}\n`);
  }
  const say = `for part in 1 2 3 4 5; do ${awaited}; cat part$part; rm go; done; exec sleep 60`;
  await one.start(app({ web: shell(say) }), { service: "web", index: 1 });
  const instance = await only(one);
  const go = join(release, "go");
  const isCut = () => statSync(join(directory, "copies/shop/web.1/stdout.log")).size <= 150;
  // What is written in the very moment of a cut is lost.
  const sayNext = async (isRead: () => boolean | Promise<boolean>) => {
    writeFileSync(go, "");
    await until("the next part", async () => !existsSync(go) && isCut() && (await isRead()));
  };
  await sayNext(async () => (await one.logs(instance, { tail: 99 })).length === 10);
  const ending = new AbortController();
  const { last, more } = await one.follow(instance, { tail: 99, signal: ending.signal });
  const texts = last.map(({ text }) => text);
  const reading = readOn(more, 50, texts);
  for (const part of [2, 3, 4, 5]) await sayNext(() => texts.length === part * 10);
  const { droppedBytes } = await reading;
  assert.deepEqual(texts, counting(1, 50));
  assert.equal(droppedBytes, 0);
  const again = await one.follow(instance, { tail: 0, signal: ending.signal });
  await one.restart(instance);
  writeFileSync(go, "");
  assert.deepEqual(again.last, []);
  assert.deepEqual((await readOn(again.more, 3)).texts.slice(0, 3), counting(1, 3));
  ending.abort();
});

test("says how many bytes a slow follower has missed, and ends when the copy is gone", async ({
  runtime,
  app,
  release,
  directory,
}) => {
  const one = runtime({ maxLogBytes: 4000 });
  const many = `${counting(1, 3000).join("\n")}\n`;
  writeFileSync(join(release, "many"), many);
  // In one call: what is written in the very moment of a cut is not counted.
  const say = `${awaited}; cat many; rm go; ${awaited}; echo last; exec sleep 60`;
  await one.start(app({ web: shell(say) }), { service: "web", index: 1 });
  const instance = await only(one);
  const { more } = await one.follow(instance, { tail: 0, signal: new AbortController().signal });
  const go = join(release, "go");
  const written = join(directory, "copies/shop/web.1/stdout.log");
  writeFileSync(go, "");
  await until("the lines to be cut", () => !existsSync(go) && statSync(written).size === 0);
  writeFileSync(go, "");
  const text = async () => (await one.logs(instance, { tail: 1 }))[0]?.text;
  await until("the last line", async () => (await text()) === "last");
  await one.remove(instance);
  const { texts, droppedBytes } = await readOn(more, Infinity);
  const read = texts.map((line) => line.length + 1).reduce((sum, bytes) => sum + bytes, 0);
  assert.ok(droppedBytes > 0 && texts.length < 3000);
  assert.equal(read + droppedBytes, many.length + "last\n".length);
});
