// A log as an answer: what becomes of its reader when the log breaks off.
import assert from "node:assert/strict";
import { Hono } from "hono";
import { logResponse } from "#hub/api/log_stream.ts";
import type { LogItem } from "#hub/logs/port.ts";
import { suite } from "#test/suite.ts";

const test = suite("a log as an answer");

test("a log whose source fails breaks off, and its reader and its timer end with it", async () => {
  let closed = 0;
  async function* failing(): AsyncGenerator<LogItem> {
    yield { kind: "line", line: { at: 1, text: "first" } };
    throw new Error("planted");
  }
  const items = failing();
  const close = (): void => {
    closed += 1;
  };
  const reader = { [Symbol.asyncIterator]: () => items, close };
  const app = new Hono().get("/", (c) => logResponse(c, reader));
  const timersBefore = timers();
  const response = await app.request("/", { headers: { Accept: "text/event-stream" } });
  await assert.rejects(response.text(), /planted/);
  assert.equal(closed, 1);
  assert.ok(timers() <= timersBefore);
});

function timers(): number {
  return process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
}
