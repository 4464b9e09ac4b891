import * as assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { suite } from "#test/suite.ts";
import { launchFleet, type TestFleet } from "#test/support/running_fleet.ts";

const test = suite("the fleet's topics", { limitMs: 240_000 });
const run = promisify(execFile);
let launched: TestFleet | undefined;

const fleet = async (): Promise<TestFleet> => {
  if (launched === undefined) {
    launched = await launchFleet({ runtime: "process" });
    await launched.converged();
  }
  return launched;
};
test.after(async () => launched?.stop());

/** What mosquitto_sub prints within so many seconds; it ends with a code of its own when the time is over. */
async function subscribe(
  port: number,
  user: string,
  secret: string,
  topic: string,
  seconds = 2,
): Promise<string> {
  const client = user === "operator" ? [] : ["-i", user];
  const who = ["-h", "127.0.0.1", "-p", `${port}`, "-u", user, "-P", secret, ...client];
  const args = [...who, "-t", topic, "-q", "1", "-F", "%t %l", "-W", `${seconds}`];
  const ended = await run("mosquitto_sub", args).catch((error: { stdout: string }) => error);
  return ended.stdout;
}

test.real("mosquitto", "an operator reads every device's desired and reported state", async () => {
  const { mqttPort, token, fleet: running } = await fleet();
  const wanted = running.devices.flatMap((device) =>
    ["desired", "reported", "conn"].map((channel) => `fleet/v1/d/${device}/${channel} `),
  );
  const missing = async (seconds: number): Promise<string[]> => {
    const seen = await subscribe(mqttPort, "operator", token, "fleet/v1/#", seconds);
    return wanted.filter((line) => !`\n${seen}`.includes(`\n${line}`));
  };
  // A busy machine may need longer than two seconds.
  if ((await missing(2)).length > 0) assert.deepEqual(await missing(30), []);
});

test.real(
  "mosquitto",
  "a device reads its own desired state and nothing of another's",
  async () => {
    const { mqttPort, data, fleet: running } = await fleet();
    const [one = "", two = ""] = running.devices;
    const file = join(data, "devices", one, "identity/device.json");
    const { secret } = JSON.parse(await readFile(file, "utf8")) as { secret: string };
    const own = `fleet/v1/d/${one}/desired`;
    const soon = await subscribe(mqttPort, one, secret, own);
    assert.match(soon === "" ? await subscribe(mqttPort, one, secret, own, 30) : soon, /desired/);
    for (const topic of [`fleet/v1/d/${two}/desired`, `fleet/v1/d/${two}/#`, "fleet/v1/#", "#"]) {
      assert.equal(await subscribe(mqttPort, one, secret, topic), "", topic);
    }
  },
);

test("a device's credentials open none of another device's addresses", async () => {
  const { fleet: running, data } = await fleet();
  const [one = "", two = ""] = running.devices;
  const file = join(data, "devices", one, "identity/device.json");
  const { secret } = JSON.parse(await readFile(file, "utf8")) as { secret: string };
  const authorization = `Basic ${Buffer.from(`${one}:${secret}`).toString("base64")}`;
  const ask = async (path: string, extra: Record<string, string> = {}): Promise<Response> =>
    fetch(new URL(path, running.url), { headers: { authorization, ...extra } });
  const own = await ask(`/v1/devices/${one}/desired`);
  assert.equal(own.status, 200);
  const again = await ask(`/v1/devices/${one}/desired`, {
    "if-none-match": own.headers.get("etag") ?? "",
  });
  assert.equal(again.status, 304);
  assert.equal((await again.arrayBuffer()).byteLength, 0);
  assert.equal((await ask(`/v1/devices/${two}/desired`)).status, 403);
  assert.ok([401, 403].includes((await ask("/v1/devices")).status));
});
