// A machine whose clock is not the hub's: it is said once, since ages and --since mean its own.
import * as assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { openSession } from "#hub/cli/session/session.ts";
import { createTerminal } from "#hub/cli/terminal/terminal.ts";
import { systemClock } from "#shared/clock.ts";
import { suite } from "#test/suite.ts";

const test = suite("clocks of the command and the hub");

async function wordsAt(shiftMs: number): Promise<string[]> {
  const server = createServer((_, response) => {
    response.writeHead(200, { "content-type": "application/json" }).end('{"id":"pi-1"}');
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const words: string[] = [];
  const env = { FLEET_HUB: url, FLEET_TOKEN: "token" };
  const { stdin, stdout, stderr } = process;
  const own = createTerminal({ stdin, stdout, stderr, env });
  const terminal = { ...own, say: (line: string): void => void words.push(line) };
  const clock = { ...systemClock, now: () => Date.now() + shiftMs };
  try {
    const client = await openSession({ env, clock, terminal }, {});
    await client.device("pi-1");
    await client.device("pi-1");
    return words;
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test("a clock that is off is told once, with how far and which way", async () => {
  const [ahead = "", ...more] = await wordsAt(3_700_000);
  assert.match(ahead, /^This machine's clock is 61m ahead of the hub's: ages, --since and --until/);
  assert.deepEqual(more, []);
  assert.match((await wordsAt(-3_700_000)).join(), /clock is 61m behind the hub's/);
});

test("nothing is said of a difference that an answer may take", async () => {
  assert.deepEqual(await wordsAt(20_000), []);
});
