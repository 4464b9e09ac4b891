import * as assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { enrol } from "#edge/sync/enrol.ts";
import { readIdentity, trustedKeys, writeIdentity } from "#edge/sync/identity.ts";
import { systemClock } from "#shared/clock.ts";
import { EnrolRequest } from "#shared/enrolment.ts";
import type { DeviceId } from "#shared/ids.ts";
import { suite } from "#test/suite.ts";
import { deviceId, freePort, identityFor } from "./fixture.ts";

const test = suite("enrolment");
const files = ["device.json", "device.json.copy"];

interface Hub {
  url: string;
  asked: EnrolRequest[];
  server: Server;
}

/** Answers with the statuses in turn, then with an identity; 0 cuts the connection after the request. */
async function startHub(statuses: number[], port = 0): Promise<Hub> {
  const asked: EnrolRequest[] = [];
  const server = createServer(async (request, response) => {
    asked.push(EnrolRequest.parse(JSON.parse(await text(request))));
    const status = statuses.shift() ?? 201;
    if (status === 0) return request.socket.destroy();
    return response.writeHead(status).end(JSON.stringify(identityFor("mqtt://hub:1883")));
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const address = server.address() as { port: number };
  return { url: `http://127.0.0.1:${address.port}/`, asked, server };
}

async function withDirectory(body: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "fleet-enrol-"));
  try {
    await body(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function request(hubUrl: string, directory: string) {
  return {
    hubUrl,
    token: "t".repeat(32),
    device: deviceId,
    labels: { site: "north" },
    directory,
    clock: systemClock,
    random: () => 0.01,
  };
}

test("keeps the identity for its owner alone, and asks nobody the next time", () =>
  withDirectory(async (directory) => {
    const hub = await startHub([]);
    const identity = await enrol(request(hub.url, directory));
    hub.server.close();
    assert.deepEqual(identity, identityFor("mqtt://hub:1883"));
    assert.equal(statSync(join(directory, "device.json")).mode & 0o777, 0o600);
    assert.equal(existsSync(join(directory, "enrolment.json")), false);
    assert.deepEqual(await enrol(request("http://127.0.0.1:1", directory)), identity);
    assert.equal(trustedKeys(identity).size, 1);
  }));

test("uses one nonce for all tries, also those of a later start", () =>
  withDirectory(async (directory) => {
    const hub = await startHub([0, 503, 0]);
    const stopped = new AbortController();
    let tries = 0;
    await assert.rejects(
      enrol({
        ...request(hub.url, directory),
        signal: stopped.signal,
        onRetry: () => ++tries === 2 && stopped.abort(),
      }),
      { code: "interrupted" },
    );
    assert.equal(statSync(join(directory, "enrolment.json")).mode & 0o777, 0o600);
    await enrol(request(hub.url, directory));
    hub.server.close();
    assert.equal(hub.asked.length, 4);
    assert.equal(new Set(hub.asked.map(({ nonce }) => nonce)).size, 1);
  }));

test("waits for a hub that is not there yet", () =>
  withDirectory(async (directory) => {
    const port = await freePort();
    let late: Promise<Hub> | undefined;
    await enrol({
      ...request(`http://127.0.0.1:${port}`, directory),
      onRetry: ({ code }) => {
        assert.equal(code, "hub_unreachable");
        late ??= startHub([], port);
      },
    });
    (await late)?.server.close();
  }));

test("ends at once when the token is refused, with the next step", () =>
  withDirectory(async (directory) => {
    const hub = await startHub([403]);
    await assert.rejects(enrol(request(hub.url, directory)), {
      code: "token_invalid",
      hint: /new token/,
    });
    hub.server.close();
    assert.equal(hub.asked.length, 1);
    assert.equal(readIdentity(directory), undefined);
  }));

test("ends at once when the request is refused", () =>
  withDirectory(async (directory) => {
    const hub = await startHub([400]);
    await assert.rejects(enrol(request(hub.url, directory)), { code: "request_invalid" });
    hub.server.close();
  }));

test("refuses a directory of another device and an identity that it cannot read", () =>
  withDirectory(async (directory) => {
    writeIdentity(directory, { ...identityFor(), device: "pi-2" as DeviceId });
    await assert.rejects(enrol(request("http://127.0.0.1:1", directory)), {
      code: "config_invalid",
      message: /pi-2/,
    });
    for (const file of files) writeFileSync(join(directory, file), "{");
    assert.throws(() => readIdentity(directory), { code: "config_invalid", hint: /enrol/ });
    for (const file of files) assert.equal(readFileSync(join(directory, file), "utf8"), "{");
  }));

test("an identity that rots is taken from its copy, and both are whole again after the next start", () =>
  withDirectory(async (directory) => {
    const identity = identityFor();
    writeIdentity(directory, identity);
    for (const rotten of files) {
      writeFileSync(join(directory, rotten), Buffer.alloc(200));
      assert.deepEqual(readIdentity(directory), identity, rotten);
      assert.deepEqual(await enrol(request("http://127.0.0.1:1", directory)), identity, rotten);
      for (const file of files) {
        assert.deepEqual(JSON.parse(readFileSync(join(directory, file), "utf8")), identity);
        assert.equal(statSync(join(directory, file)).mode & 0o777, 0o600);
      }
    }
  }));

test("an identity that was moved aside is none, so that the device can be enrolled anew", () =>
  withDirectory(async (directory) => {
    writeIdentity(directory, identityFor());
    rmSync(join(directory, "device.json"));
    assert.equal(readIdentity(directory), undefined);
    const hub = await startHub([]);
    const anew = await enrol(request(hub.url, directory));
    hub.server.close();
    writeFileSync(join(directory, "device.json"), "{");
    assert.deepEqual(readIdentity(directory), anew);
  }));
