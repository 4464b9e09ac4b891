import assert from "node:assert/strict";
import { suite } from "#test/suite.ts";
import { instanceOf } from "./apps.ts";
import { closeDevice, testDevice } from "./device.ts";

const test = suite("logs", { limitMs: 60_000 });
test.after(closeDevice);

test.real("docker", "gives lines with stream and time, of pipes and of a terminal", async () => {
  const { app, service, up, until, runtime } = testDevice();
  const say = "echo one; sleep 0.1; echo two >&2; sleep 0.1; echo '{\"three\":3}'";
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
