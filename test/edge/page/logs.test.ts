import * as assert from "node:assert/strict";
import { createLogTail } from "#edge/page/log_tail.ts";
import { agentLine } from "#edge/page/log_words.ts";
import { createServiceLog } from "#edge/page/service_log.ts";
import type { LogLine, ObservedInstance } from "#edge/runtime/port.ts";
import { FleetError } from "#shared/errors.ts";
import { suite } from "#test/suite.ts";
import { appName, instance } from "#test/support/app.ts";

const test = suite("log tail");
const line = (at: number, text: string): LogLine => ({ at, stream: "stdout", text });

test("keeps the agent's last thousand lines, each of bounded length", () => {
  const tail = createLogTail();
  for (let at = 0; at < 5000; at += 1) tail.write(`line ${at}\n`);
  assert.deepEqual(tail.last(2), ["line 4998", "line 4999"]);
  assert.equal(tail.last(9999).length, 1000);
  tail.write(`${"x".repeat(100_000)}\nlast\n`);
  const [long = "", last] = tail.last(2);
  assert.deepEqual([long.length, last], [4000, "last"]);
});

test("a JSON line reads as time, level, words and details; anything else as it is", () => {
  assert.equal(
    agentLine('{"level":40,"time":0,"device":"pi-1","app":"web","n":{"a":1},"msg":"step failed"}'),
    '1970-01-01 00:00:00 warn step failed app=web n={"a":1}',
  );
  for (const odd of ["plain", '{"cut', "null", "7"]) assert.equal(agentLine(odd), odd);
});

interface Source {
  observe(): Promise<ObservedInstance[]>;
  logs(copy: ObservedInstance): Promise<LogLine[]>;
}

const lively: Source = {
  observe: async () => [instance("web", 1, "h"), instance("web", 2, "h"), instance("db", 1, "h")],
  logs: async ({ id, index }) => [line(index, `${id} early`), line(10 + index, `${id} late`)],
};
const away = new FleetError("runtime_unavailable", { message: "Docker is away" });
const dead: Source = {
  observe: () => Promise.reject(away),
  logs: async () => [],
};

test("lines of all copies come in the order of time, the last ones only", async () => {
  const read = createServiceLog([lively]);
  const texts = (await read(appName, "web", 3)).map(({ text }) => text);
  assert.deepEqual(texts, ["web-2 early", "web-1 late", "web-2 late"]);
});

test("a runtime that is away matters only when no other has the service", async () => {
  const read = createServiceLog([dead, lively]);
  assert.equal((await read(appName, "db", 10)).length, 2);
  await assert.rejects(read(appName, "cache", 10), away);
});
