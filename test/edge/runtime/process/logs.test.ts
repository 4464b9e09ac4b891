// The output of copies: streams, times, bounds.
import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { join } from "node:path";
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
