// Live logs from a real agent's processes through the real hub to the command.
import * as assert from "node:assert/strict";
import { type CommandOptions, type RunningCommand, startCommand } from "#test/hub/cli/command.ts";
import { suite } from "#test/suite.ts";
import { launchFleet, type TestFleet } from "#test/support/running_fleet.ts";

const test = suite("live logs of a real device", { limitMs: 300_000 });
let fleet: TestFleet;
let device: string;

test.before(async () => {
  fleet = await launchFleet({ runtime: "process", devices: 1 });
  await fleet.converged();
  device = (await fleet.devices())[0]?.id ?? "";
});
test.after(() => fleet?.stop());

function command(words: string[], options: CommandOptions = {}): RunningCommand {
  const env = { HOME: fleet.data, FLEET_HUB: fleet.fleet.url, FLEET_TOKEN: fleet.token };
  return startCommand(words, { env, limitMs: 120_000, ...options });
}

/** Ten lines a second, counted, and one in five to stderr. */
const work = `trap 'exit 0' TERM INT
i=0
while :; do
  i=$((i+1))
  echo "count $i"
  [ $((i % 5)) -ne 0 ] || echo "odd $i" >&2
  sleep 0.1 &
  wait $!
done
`;

test("a service is followed line by line, and Ctrl-C ends it on the device as well", async () => {
  await fleet.edit("roles/robot/robot/work.sh", () => work);
  await fleet.commit("Count");
  const running = command(["logs", device, "robots/robot", "-f", "--tail", "3", "--prefix"]);
  const began = await running.shows(/^\[robots\/robot\.1\] count \d+\n/m);
  const [, from] = /^\[robots\/robot\.1\] count (\d+)\n/m.exec(began) ?? [];
  await running.shows(new RegExp(`^\\[robots/robot\\.1\\] count ${Number(from) + 25}$`, "m"));
  running.child.kill("SIGINT");
  const { stdout, stderr } = await running.ended;
  assert.equal(running.child.signalCode, "SIGINT", stderr);
  const counts = (copy: string): number[] =>
    [...stdout.matchAll(/^\[robots\/robot\.(\d+)\] count (\d+)$/gm)]
      .filter(([, own]) => own === copy)
      .map(([, , count]) => Number(count));
  const first = counts("1");
  assert.ok(first.length >= 20, stdout);
  const begin = first[0] ?? 0;
  assert.deepEqual(
    first,
    first.map((_, at) => begin + at),
  );
  assert.match(stdout, /^\[robots\/robot\.1\] odd \d*[05]$/m);
});

test("a followed log goes on over a hub that is killed, without a line twice or missing", async () => {
  const running = command(["logs", device, "robots/robot", "-f", "--tail", "3", "--prefix"]);
  await running.shows(/^\[robots\/robot\.1\] count \d+$/m);
  fleet.kill("hub");
  const all = await running.shows(/The log goes on\./);
  const last = Number([...all.matchAll(/\.1\] count (\d+)$/gm)].at(-1)?.[1]);
  await running.shows(new RegExp(`\\.1\\] count ${last + 20}$`, "m"));
  running.child.kill("SIGINT");
  const { stdout, stderr } = await running.ended;
  assert.match(stderr, /^Lost the log: [^\n]+; trying to come back …\nThe log goes on\.\n$/);
  const said = [...stdout.matchAll(/^\[robots\/robot\.1\] count (\d+)$/gm)].map(([, count]) =>
    Number(count),
  );
  const begin = said[0] ?? 0;
  const expected = said.map((_, at) => begin + at);
  assert.deepEqual(said, expected);
});

test("readers that go away leave no stream behind on hub or device", async () => {
  const authorization = `Bearer ${fleet.token}`;
  for (let turn = 1; turn <= 20; turn += 1) {
    const leaving = new AbortController();
    const query = `app=robots&follow=true&tail=${turn}`;
    const url = `${fleet.fleet.url}/v1/devices/${device}/logs?${query}`;
    const answer = await fetch(url, { headers: { authorization }, signal: leaving.signal });
    assert.equal(answer.status, 200, `${turn}: ${answer.ok ? "" : await answer.text()}`);
    leaving.abort();
  }
});

test("the agent's own log, its events and all services come without following", async () => {
  const agent = await command(["logs", device, "--agent", "--tail", "1000"]).ended;
  assert.equal(agent.code, 0, agent.stderr);
  assert.match(agent.stdout, /agent started/);
  const events = await command(["logs", device, "--events", "-o", "json"]).ended;
  assert.equal(events.code, 0, events.stderr);
  const all = events.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { event: string });
  assert.equal(all.at(-1)?.event, "end");
  const services = await command(["logs", device, "--tail", "20", "--timestamps"]).ended;
  assert.match(services.stdout, /^20\S+Z \[robots\/robot\.1\] count \d+$/m);
});

test("a service that is not there is named with what is there, and the exit code says so", async () => {
  const { code, stderr } = await command(["logs", device, "robots/rebot"]).ended;
  assert.equal(code, 5);
  assert.match(stderr, /no service rebot in robots[\s\S]*There is: robot, status/);
});
