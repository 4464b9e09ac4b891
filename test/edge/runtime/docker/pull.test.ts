import assert from "node:assert/strict";
import { createServer, request, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createEngine } from "#edge/runtime/docker/engine.ts";
import { createDockerRuntime } from "#edge/runtime/docker/runtime.ts";
import { systemClock } from "#shared/clock.ts";
import { suite } from "#test/suite.ts";
import {
  docker,
  dockerSocket,
  importBusybox,
  pushAs,
  removeImage,
  startRegistry,
  type TestRegistry,
  uniqueName,
} from "#test/support/engine.ts";
import { besidesDocker, closeDevice, failure, testDevice } from "./device.ts";

const test = suite("pull");
const withRegistry = besidesDocker("registry");
const registries: TestRegistry[] = [];
const servers: Server[] = [];
const images: string[] = [];

test.after(async () => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  await Promise.all(registries.map((registry) => registry.stop()));
  for (const image of images) removeImage(image);
  await closeDevice();
});

async function registry(options: { login?: boolean } = {}): Promise<TestRegistry> {
  const started = await startRegistry(options);
  registries.push(started);
  return started;
}

/** An image in the registry whose layer the Engine does not have. */
function pushed(host: string, login?: { host: string }): string {
  const name = uniqueName("robot");
  const image = `${host}/${name}:1`;
  importBusybox(name, name);
  pushAs(name, image, login);
  removeImage(name);
  images.push(image);
  return image;
}

const missing = { policy: "missing" } as const;

test.real(withRegistry, "fetches an image and tells its progress", async () => {
  const { runtime, engine } = testDevice();
  const { host } = await registry();
  const image = pushed(host);
  const shares: number[] = [];
  assert.equal(await engine.inspectImage(image), undefined);
  await runtime.pull(image, { ...missing, onProgress: (share) => shares.push(share) });
  assert.notEqual(await engine.inspectImage(image), undefined);
  assert.deepEqual(
    [...shares].sort((a, b) => a - b),
    shares,
  );
  assert.equal(shares.at(-1), 1);
});

test.real(withRegistry, "asks the registry again only where the policy says so", async () => {
  const { runtime, engine } = testDevice();
  const { host } = await registry();
  const image = pushed(host);
  await runtime.pull(image, missing);
  const pulls = (): number => engine.counts().pull;
  const before = pulls();
  await runtime.pull(image, missing);
  await runtime.pull(image, { policy: "never" });
  assert.equal(pulls(), before);
  await runtime.pull(image, { policy: "always" });
  assert.equal(pulls(), before + 1);
});

test.real(withRegistry, "holds an image with a digest to it", async () => {
  const { runtime, engine } = testDevice();
  const { host } = await registry();
  const tagged = pushed(host);
  await runtime.pull(tagged, missing);
  const digest = (await engine.inspectImage(tagged))?.RepoDigests?.find((name) =>
    name.startsWith(host),
  );
  assert.ok(digest !== undefined);
  removeImage(tagged);
  await runtime.pull(digest, missing);
  assert.notEqual(await engine.inspectImage(digest), undefined);
  const wrong = `${digest.split("@")[0]}@sha256:${"0".repeat(64)}`;
  assert.equal((await failure(runtime.pull(wrong, missing))).code, "image_missing");
  removeImage(digest);
});

test.real("docker", "uses an image that was never in a registry as it is", async () => {
  const { runtime, image, engine } = testDevice();
  const before = engine.counts().pull;
  await runtime.pull(image, missing);
  assert.equal(engine.counts().pull, before);
});

test.real("docker", "refuses an absent image where the policy forbids to fetch", async () => {
  const absent = testDevice().runtime.pull("fleet-test-no-such-image:1", { policy: "never" });
  assert.equal((await failure(absent)).code, "image_missing");
});

test.real(withRegistry, "says that the registry has no such image", async () => {
  const { host } = await registry();
  const error = await failure(testDevice().runtime.pull(`${host}/nothing:1`, missing));
  assert.equal(error.code, "image_missing");
  assert.equal(error.retry, "never");
});

test.real("docker", "says that the registry cannot be reached, and to try later", async () => {
  const error = await failure(testDevice().runtime.pull("127.0.0.1:1/nothing:1", missing));
  assert.equal(error.code, "registry_unreachable");
  assert.equal(error.retry, "later");
});

test.real(
  withRegistry,
  "logs in with the login of the moment, and else says that it is denied",
  async () => {
    const { engine, name, filesDir } = testDevice();
    const { host } = await registry({ login: true });
    const image = pushed(host, { host });
    let logins: Record<string, { username: string; password: string }> = {};
    const runtime = createDockerRuntime({
      ...{ engine, device: name, clock: systemClock, filesDir },
      registries: () => logins,
    });
    assert.equal((await failure(runtime.pull(image, missing))).code, "image_denied");
    logins = { [host]: { username: "fleet", password: "wrong" } };
    assert.equal((await failure(runtime.pull(image, missing))).code, "image_denied");
    logins = { [host]: { username: "fleet", password: "secret" } };
    const absent = runtime.pull(`${host}/nothing:1`, missing);
    assert.equal((await failure(absent)).code, "image_missing");
    await runtime.pull(image, missing);
    assert.notEqual(await engine.inspectImage(image), undefined);
  },
);

/** A registry's front that spoils what it passes on. @returns its address */
async function front(
  host: string,
  isSpoiled: (path: string) => boolean,
  spoil: (answer: ServerResponse, body: Buffer) => void,
): Promise<string> {
  const server = createServer((asked, answer) => {
    const { method, url = "/", headers } = asked;
    const onward = request(`http://${host}${url}`, { method, headers }, (answered) => {
      const chunks: Buffer[] = [];
      answered.on("data", (chunk: Buffer) => chunks.push(chunk));
      answered.on("end", () => {
        const body = Buffer.concat(chunks);
        if (method === "GET" && isSpoiled(url)) return spoil(answer, body);
        answer.writeHead(answered.statusCode ?? 502, answered.headers).end(body);
      });
    });
    asked.pipe(onward);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function isBlob(path: string): boolean {
  return path.includes("/blobs/");
}

test.real(withRegistry, "does not take a truncated layer for success", async () => {
  const { runtime, engine } = testDevice();
  const { host } = await registry();
  const image = pushed(host);
  const truncating = await front(host, isBlob, (answer, body) => {
    const half = body.subarray(0, Math.floor(body.length / 2));
    answer.writeHead(200, { "content-length": half.length }).end(half);
  });
  const spoiled = image.replace(host, truncating);
  images.push(spoiled);
  const error = await failure(runtime.pull(spoiled, missing));
  assert.equal(error.code, "image_corrupt");
  assert.equal(error.retry, "later");
  assert.equal(await engine.inspectImage(spoiled), undefined);
});

test.real(withRegistry, "gives up on a pull that makes no progress", async () => {
  const { host } = await registry();
  const image = pushed(host);
  const silent = await front(host, isBlob, () => undefined);
  const { name, filesDir } = testDevice();
  const engine = createEngine({ socketPath: dockerSocket });
  const impatient = createDockerRuntime({
    engine,
    device: name,
    clock: systemClock,
    filesDir,
    pullIdleMs: 4000,
  });
  const error = await failure(impatient.pull(image.replace(host, silent), missing));
  assert.equal(error.code, "registry_unreachable");
  assert.match(error.message, /no progress/);
});

test.real(withRegistry, "stops when it is told to", async () => {
  const { host } = await registry();
  const image = pushed(host);
  const silent = await front(host, isBlob, () => undefined);
  const pull = testDevice().runtime.pull(image.replace(host, silent), {
    ...missing,
    signal: AbortSignal.timeout(500),
  });
  assert.equal((await failure(pull)).code, "interrupted");
});

test.real(withRegistry, "refuses an image for another platform", async () => {
  const { host } = await registry();
  const image = pushed(host);
  await testDevice().runtime.pull(image, missing);
  const architecture = docker("image", "inspect", image, "--format", "{{.Architecture}}");
  const other = architecture === "arm64" ? "linux/amd64" : "linux/arm64";
  const pull = testDevice().runtime.pull(image, { ...missing, platform: other });
  assert.match((await failure(pull)).code, /^image_(missing|corrupt)$/);
});
