import assert from "node:assert/strict";
import { suite } from "#test/suite.ts";
import { instanceOf } from "./apps.ts";
import { closeDevice, testDevice } from "./device.ts";

const test = suite("logs");
test.after(closeDevice);

test.real("docker", "gives lines with stream and time, of pipes and of a terminal", async () => {
  const { app, service, up, until, runtime } = testDevice();
  const say = "echo one; sleep 0.5; echo two >&2; sleep 0.5; echo '{\"three\":3}'";
  const talk = app("talk", [
    service("pipes", { command: ["sh", "-c", say] }),
    service("terminal", { command: ["sh", "-c", say], tty: true }),
  ]);
  await up(talk);
  const copies = await until(talk, (all) => all.every(({ state }) => state === "exited"));
  const of = (name: string) => copies.find(({ service: by }) => by === name) ?? instanceOf("none");
  const lines = await runtime.logs(of("pipes"), { tail: 10 });
  assert.deepEqual(
    lines.map(({ stream, text }) => `${stream} ${text}`),
    ["stdout one", "stderr two", 'stdout {"three":3}'],
  );
  assert.ok(lines.every(({ at }) => Math.abs(at - Date.now()) < 60_000));
  const raw = await runtime.logs(of("terminal"), { tail: 2 });
  assert.deepEqual(
    raw.map(({ text }) => text),
    ["two", '{"three":3}'],
  );
  const late = await runtime.logs(of("pipes"), { tail: 10, sinceMs: lines[2]?.at ?? 0 });
  assert.deepEqual(
    late.map(({ text }) => text),
    ['{"three":3}'],
  );
});

test.real("docker", "gives none where nothing is kept, or the copy is gone", async () => {
  const { app, service, up, until, runtime } = testDevice();
  const silent = app("silent", [
    service("web", { command: ["echo", "x"], logging: { driver: "none", options: {} } }),
  ]);
  await up(silent);
  const [copy] = await until(silent, ([one]) => one?.state === "exited");
  assert.deepEqual(await runtime.logs(copy ?? instanceOf("none"), { tail: 5 }), []);
  assert.deepEqual(await runtime.logs(instanceOf("no-such-container"), { tail: 5 }), []);
});

test.real(
  "docker",
  "follows from the last lines on without a gap, over a restart, to the end",
  async () => {
    const { app, service, up, until, runtime } = testDevice();
    const say = "i=1; while [ $i -le 60 ]; do echo $i; i=$((i+1)); sleep 0.02; done; sleep 300";
    const counter = app("counter", [
      service("pipes", { command: ["sh", "-c", say], stopGraceMs: 0 }),
      service("terminal", { command: ["sh", "-c", say], tty: true, stopGraceMs: 0 }),
    ]);
    await up(counter);
    const copies = await until(counter, (all) => all.every(({ state }) => state === "running"));
    for (const name of ["pipes", "terminal"]) {
      const copy = copies.find(({ service: by }) => by === name) ?? instanceOf("none");
      const { signal } = new AbortController();
      const { last, more } = await runtime.follow(copy, { tail: 1000, signal });
      const texts = last.map(({ text }) => text);
      const items = more[Symbol.asyncIterator]();
      const readTo = async (count: number): Promise<void> => {
        while (texts.length < count) {
          const { value, done } = await items.next();
          if (done === true) break;
          texts.push(...value.lines.map(({ text }: { text: string }) => text));
        }
      };
      await readTo(60);
      const once = Array.from({ length: 60 }, (_, at) => String(at + 1));
      assert.deepEqual(texts, once, name);
      await runtime.restart(copy);
      await readTo(120);
      assert.deepEqual(texts, [...once, ...once], `${name} after a restart`);
      await runtime.remove(copy);
      await readTo(Infinity);
      assert.equal(texts.length, 120, `${name} has ended`);
    }
  },
);

test.real("docker", "a quiet log is open at once, and the signal ends it", async () => {
  const { app, service, up, until, runtime } = testDevice();
  const quiet = app("quiet", [service("web", { command: ["sleep", "300"], stopGraceMs: 0 })]);
  await up(quiet);
  const [copy] = await until(quiet, ([one]) => one?.state === "running");
  const ending = new AbortController();
  const wanted = { tail: 5, signal: ending.signal };
  const { last, more } = await runtime.follow(copy ?? instanceOf("none"), wanted);
  assert.deepEqual(last, []);
  setTimeout(() => ending.abort(), 300);
  for await (const batch of more) assert.fail(JSON.stringify(batch));
});
