// A watched stream over a hub that hangs as it comes back: neither silence nor a proxy's answer ends it.
import * as assert from "node:assert/strict";
import type { Http } from "#hub/cli/api/http.ts";
import { insist } from "#hub/cli/api/insist.ts";
import { watchStream } from "#hub/cli/api/stream.ts";
import { systemClock } from "#shared/clock.ts";
import { FleetError } from "#shared/errors.ts";
import { suite } from "#test/suite.ts";

const test = suite("coming back to the hub");
const clock = { ...systemClock, sleep: async () => undefined };
const { signal } = new AbortController();

const slow = (): FleetError =>
  new FleetError("hub_unreachable", { message: "did not answer in time", retry: "never" });
const refused = (): FleetError => new FleetError("forbidden", { message: "not you" });
const ready = (): Response => new Response("event: ready\ndata: {}\n\n");

function httpOf(answers: (() => Response | FleetError)[]): Http {
  return {
    send: async () => {
      const answer = answers.shift()?.() ?? refused();
      if (answer instanceof FleetError) throw answer;
      return answer;
    },
    json: () => assert.fail("a stream is no JSON"),
  };
}

async function seenOf(answers: (() => Response | FleetError)[]) {
  const events: string[] = [];
  const words: string[] = [];
  const http = httpOf(answers);
  const onWatch = (line: string): void => void words.push(line);
  let error: unknown;
  try {
    for await (const { event } of watchStream({ http, query: {}, signal, clock, onWatch })) {
      events.push(event);
    }
  } catch (thrown) {
    error = thrown;
  }
  return { events, words, code: error instanceof FleetError ? error.code : undefined };
}

test("a hub that hangs when the stream is opened again is asked again", async () => {
  const { events, words, code } = await seenOf([ready, slow, slow, ready]);
  assert.deepEqual([events, code], [["ready", "ready"], "forbidden"]);
  assert.deepEqual(words.slice(0, 2), ["Lost the hub; trying to come back …", "The hub is back."]);
});

test("one that hangs the first time ends the command at once", async () => {
  assert.deepEqual(await seenOf([slow, ready]), { events: [], words: [], code: "hub_unreachable" });
});

test("a look that the stream asks for outlives a slow hub, and says so once", async () => {
  const words: string[] = [];
  const terminal = { say: (line: string): void => void words.push(line) };
  let tries = 0;
  const found = await insist({ clock, terminal }, signal, async () => {
    tries += 1;
    if (tries < 4) throw slow();
    return "found";
  });
  assert.deepEqual([found, words], ["found", ["did not answer in time; trying again …"]]);
  const forbidden = insist({ clock, terminal }, signal, () => Promise.reject(refused()));
  await assert.rejects(forbidden, { code: "forbidden" });
});
