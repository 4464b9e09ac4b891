// The access matrix as Mosquitto's own clients meet it.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { id } from "#test/contract/rows.ts";
import { suite } from "#test/suite.ts";
import { operatorToken, type Running, secrets, withBroker } from "./fixture.ts";

const test = suite("embedded broker with mosquitto's clients", { limitMs: 240_000 });

interface Ran {
  code: number | null;
  out: string;
}

function run(command: string, args: string[]): Promise<Ran> {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], timeout: 60_000 });
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, out: Buffer.concat(chunks).toString() }));
  });
}

const device = (name: string): string[] => ["-i", name, "-u", name, "-P", secrets[name] ?? ""];
const operator = ["-u", "operator", "-P", operatorToken];

/** What a subscriber sees within so many seconds; exit code 27 means that the time was over. */
function listen(port: number, who: string[], seconds: number, args: string[]): Promise<Ran> {
  const all = ["-h", "127.0.0.1", "-p", String(port), ...who, "-W", String(seconds), "-v", ...args];
  return run("mosquitto_sub", all);
}

/** What a subscriber sees who ends by itself: because it is refused, or has what it asked for. */
function subscribe(port: number, who: string[], ...args: string[]): Promise<Ran> {
  return listen(port, who, 30, args);
}

/** All that a subscriber sees within a second, or within more on a machine that needs it. */
async function overhear(
  port: number,
  who: string[],
  hasComeFar: (out: string) => boolean,
  ...args: string[]
): Promise<Ran> {
  const ran = await listen(port, who, 1, args);
  return hasComeFar(ran.out) ? ran : await listen(port, who, 20, args);
}

const topicsIn = (out: string): string[] => out.match(/^fleet\S+/gm) ?? [];
const hasAll = (out: string): boolean => topicsIn(out).length >= 4;

function publish(port: number, who: string[], ...args: string[]): Promise<Ran> {
  return run("mosquitto_pub", ["-h", "127.0.0.1", "-p", String(port), ...who, ...args]);
}

async function seeded(body: (running: Running) => Promise<void>): Promise<void> {
  await withBroker(async (running) => {
    for (const name of ["pi-1", "pi-10"]) {
      const signatures = [{ keyid: name, sig: "" }];
      running.broker.publishDesired(id(name), { payloadType: "t", payload: "", signatures });
      const topic = `fleet/v1/d/${name}/reported`;
      await publish(running.port, device(name), "-t", topic, "-q", "1", "-r", "-m", `of ${name}`);
    }
    // A client may end before the broker has told its listeners.
    while (running.heard.length < 2) await new Promise((resolve) => setTimeout(resolve, 10));
    await body(running);
  });
}

const own = "fleet/v1/d/pi-1";
const other = "fleet/v1/d/pi-10";

test.real("mosquitto", "an operator reads the fleet with one wildcard", async () => {
  await seeded(async ({ port }) => {
    const { out } = await overhear(port, operator, hasAll, "-t", "fleet/v1/#", "-q", "1");
    assert.deepEqual(topicsIn(out).toSorted(), [
      `${own}/desired`,
      `${own}/reported`,
      `${other}/desired`,
      `${other}/reported`,
    ]);
  });
});

test.real("mosquitto", "a device reads its desired state and nothing of another's", async () => {
  await seeded(async ({ port }) => {
    const wanted = ["-t", `${own}/desired`, "-q", "1", "-C", "1"];
    const mine = await subscribe(port, device("pi-1"), ...wanted);
    assert.match(mine.out, /^fleet\/v1\/d\/pi-1\/desired .*"keyid":"pi-1"/);
    const filters = [
      `${other}/desired`,
      `${other}/cmd`,
      `${own}/out`,
      `${other}/#`,
      "fleet/v1/d/+/desired",
      "fleet/v1/#",
      "#",
    ];
    for (const filter of [...filters, `${own}/#`, "$SYS/#"]) {
      const { out } = await subscribe(port, device("pi-1"), "-t", filter, "-q", "1");
      assert.doesNotMatch(out, /keyid|of pi/, filter);
      assert.match(out, /denied|rejected/i, filter);
    }
  });
});

test.real("mosquitto", "asking for a persistent session opens no other way", async () => {
  await seeded(async ({ port, broker }) => {
    const mixed = ["-t", `${own}/desired`, "-t", `${other}/desired`, "-t", "fleet/v1/#", "-q", "1"];
    for (const round of [1, 2]) {
      const hasOwn = (text: string): boolean => text.includes('"keyid":"pi-1"');
      const { out } = await overhear(port, device("pi-1"), hasOwn, "-c", ...mixed);
      assert.match(out, /"keyid":"pi-1"/, `round ${round}`);
      assert.doesNotMatch(out, /pi-10/, `round ${round}`);
      const signatures = [{ keyid: "pi-10", sig: "" }];
      broker.publishDesired(id("pi-10"), { payloadType: "t2", payload: "", signatures });
    }
  });
});

test.real("mosquitto", "a device writes on its own channels and on no other topic", async () => {
  await seeded(async ({ port, heard }) => {
    const before = heard.length;
    const beat = await publish(port, device("pi-1"), "-t", `${own}/beat`, "-q", "0", "-m", "{}");
    assert.equal(beat.code, 0);
    const targets = [
      `${other}/reported`,
      `${other}/conn`,
      `${own}/desired`,
      `${own}/ack`,
      `${own}/cmd`,
      `${other}/out`,
      "x",
      "$SYS/x",
    ];
    for (const topic of targets) {
      const { code } = await publish(
        port,
        device("pi-1"),
        "-t",
        topic,
        "-q",
        "1",
        "-r",
        "-m",
        "bad",
      );
      assert.notEqual(code, 0, topic);
    }
    const { code } = await publish(
      port,
      operator,
      "-t",
      `${own}/conn`,
      "-q",
      "1",
      "-r",
      "-m",
      "bad",
    );
    assert.notEqual(code, 0, "operator");
    assert.equal(heard.length, before + 1);
    const { out } = await overhear(port, operator, hasAll, "-t", "fleet/v1/#", "-q", "1");
    assert.ok(hasAll(out), out);
    assert.doesNotMatch(out, /bad/);
  });
});

test.real(
  "mosquitto",
  "another's topic as a will, another's id and no password are refused",
  async () => {
    await seeded(async ({ port, heard }) => {
      const before = heard.length;
      const willArgs = (topic: string): string[] => [
        "-t",
        `${own}/desired`,
        "--will-topic",
        topic,
        "--will-payload",
        "gone",
        "--will-qos",
        "1",
        "--will-retain",
      ];
      const foreign = await subscribe(port, device("pi-1"), ...willArgs(`${other}/conn`));
      assert.match(foreign.out, /refused|not authori[sz]ed/i);
      const stolen = ["-i", "pi-10", "-u", "pi-1", "-P", "one"];
      assert.match((await subscribe(port, stolen, "-t", `${own}/ack`)).out, /identifier rejected/i);
      const nobody = await subscribe(port, ["-i", "pi-1"], "-t", `${own}/ack`);
      assert.match(nobody.out, /refused|bad user name/i);
      assert.equal(heard.length, before);
      const will = willArgs(`${own}/conn`);
      const rightful = await subscribe(port, device("pi-1"), ...will, "-C", "1");
      assert.match(rightful.out, /"keyid":"pi-1"/);
    });
  },
);
