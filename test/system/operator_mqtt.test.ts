import * as assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { suite } from "#test/suite.ts";
import { launchFleet, type TestFleet } from "#test/support/running_fleet.ts";

const test = suite("the fleet's topics", { limitMs: 90_000 });
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

/** What mosquitto_sub prints within two seconds; it ends with a code of its own when the time is over. */
async function subscribe(
  port: number,
  user: string,
  secret: string,
  topic: string,
): Promise<string> {
  const client = user === "operator" ? [] : ["-i", user];
  const who = ["-h", "127.0.0.1", "-p", `${port}`, "-u", user, "-P", secret, ...client];
  const args = [...who, "-t", topic, "-q", "1", "-F", "%t %l", "-W", "2"];
  const ended = await run("mosquitto_sub", args).catch((error: { stdout: string }) => error);
  return ended.stdout;
}

test.real("mosquitto", "an operator reads every device's desired and reported state", async () => {
  const { mqttPort, token, fleet: running } = await fleet();
  const seen = await subscribe(mqttPort, "operator", token, "fleet/v1/#");
  for (const device of running.devices) {
    for (const channel of ["desired", "reported", "conn"]) {
      assert.match(seen, new RegExp(`^fleet/v1/d/${device}/${channel} `, "m"));
    }
  }
});

test.real(
  "mosquitto",
  "a device reads its own desired state and nothing of another's",
  async () => {
    const { mqttPort, data, fleet: running } = await fleet();
    const [one = "", two = ""] = running.devices;
    const file = join(data, "devices", one, "identity/device.json");
    const { secret } = JSON.parse(await readFile(file, "utf8")) as { secret: string };
    assert.match(await subscribe(mqttPort, one, secret, `fleet/v1/d/${one}/desired`), /desired/);
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
