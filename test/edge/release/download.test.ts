import * as assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { FleetError } from "#shared/errors.ts";
import { suite } from "#test/suite.ts";
import { type BundleServer, cutAfter, scratch, serveBundles, specOf, storeAt } from "./fixture.ts";

const test = suite("bundle download");
const bytes = randomBytes(300_000);
const { release } = specOf(bytes);
const partOf = (directory: string): string =>
  join(directory, "bundles", `${release.digest}.tar.part`);
const bundleOf = (directory: string): string => join(directory, "bundles", `${release.digest}.tar`);

interface Bench {
  directory: string;
  server: BundleServer;
  store: ReturnType<typeof storeAt>;
}

async function bench(
  use: (bench: Bench) => Promise<void>,
  options: Parameters<typeof storeAt>[2] = {},
): Promise<void> {
  using directory = scratch();
  await using server = await serveBundles(bytes);
  const store = storeAt(directory.path, server.url, options);
  await use({ directory: directory.path, server, store });
}

test("fetches and verifies a bundle with the device's credentials", () =>
  bench(async ({ directory, server, store }) => {
    await store.fetch(release, {});
    assert.equal(await store.hasBundle(release.digest), false);
    await store.verify(release);
    assert.equal(await store.hasBundle(release.digest), true);
    assert.deepEqual(readFileSync(bundleOf(directory)), bytes);
    assert.deepEqual(readdirSync(join(directory, "bundles")), [`${release.digest}.tar`]);
    assert.equal(server.requests[0]?.headers.authorization, "Basic cGk6c2VjcmV0");
    assert.equal(server.requests[0]?.headers.range, undefined);
  }));

test("goes on where a cut download stopped and asks only for the rest", () =>
  bench(async ({ directory, server, store }) => {
    server.next(cutAfter(bytes, 200_000, partOf(directory)));
    await assert.rejects(store.fetch(release, {}), { code: "bundle_unreachable", retry: "later" });
    assert.equal(statSync(partOf(directory)).size, 200_000);
    const again = storeAt(directory, server.url);
    await again.fetch(release, {});
    await again.verify(release);
    assert.equal(server.requests[1]?.headers.range, "bytes=200000-");
    assert.equal(server.requests[1]?.headers["if-range"], `"${release.digest}"`);
    assert.deepEqual(readFileSync(bundleOf(directory)), bytes);
  }));

test("starts over when the entity has changed since the cut", () =>
  bench(async ({ directory, server, store }) => {
    const other = randomBytes(bytes.length);
    server.next(cutAfter(other, 100_000, partOf(directory)));
    await assert.rejects(store.fetch(release, {}));
    await store.fetch(release, {});
    assert.equal(server.requests[1]?.headers.range, "bytes=100000-");
    await store.verify(release);
    assert.deepEqual(readFileSync(bundleOf(directory)), bytes);
  }));

test("starts over when the server ignores Range", () =>
  bench(async ({ directory, server, store }) => {
    server.next(cutAfter(bytes, 100_000, partOf(directory)));
    await assert.rejects(store.fetch(release, {}));
    server.next((_request, response) => {
      response.writeHead(200, { "content-length": bytes.length }).end(bytes);
    });
    await store.fetch(release, {});
    await store.verify(release);
  }));

test("starts over when the server cannot satisfy the range", () =>
  bench(async ({ directory, server, store }) => {
    server.next(cutAfter(bytes, 100_000, partOf(directory)));
    await assert.rejects(store.fetch(release, {}));
    server.next((_request, response) => response.writeHead(416).end());
    await store.fetch(release, {});
    assert.deepEqual(
      server.requests.map((request) => request.headers.range),
      [undefined, "bytes=100000-", undefined],
    );
    await store.verify(release);
  }));

test("starts over when the server sends another range than the one asked for", () =>
  bench(async ({ directory, server, store }) => {
    server.next(cutAfter(bytes, 100_000, partOf(directory)));
    await assert.rejects(store.fetch(release, {}));
    server.next((_request, response) => {
      response.writeHead(206, { "content-range": `bytes 5-9/${bytes.length}` }).end("wrong");
    });
    await store.fetch(release, {});
    await store.verify(release);
    assert.equal(server.requests.length, 3);
  }));

test("asks for nothing when the download was complete and only not yet verified", () =>
  bench(async ({ server, store }) => {
    await store.fetch(release, {});
    await store.fetch(release, {});
    await store.verify(release);
    await store.fetch(release, {});
    await store.verify(release);
    assert.equal(server.requests.length, 1);
  }));

test("gives up on a connection that sends nothing, and keeps what came", () =>
  bench(
    async ({ directory, server, store }) => {
      server.next((_request, response) => {
        response.writeHead(200, { "content-length": bytes.length });
        response.write(bytes.subarray(0, 50_000));
      });
      await assert.rejects(store.fetch(release, {}), (error: FleetError) => {
        assert.equal(error.code, "bundle_unreachable");
        assert.match(error.message, /sent nothing for 1 s/);
        return true;
      });
      assert.equal(statSync(partOf(directory)).size, 50_000);
    },
    { idleMs: 1000 },
  ));

test("gives up on a server that never answers", () =>
  bench(
    async ({ server, store }) => {
      server.next(() => undefined);
      await assert.rejects(store.fetch(release, {}), { code: "bundle_unreachable" });
    },
    { idleMs: 150 },
  ));

test("waits for a slow connection that goes on sending", () =>
  bench(
    async ({ server, store }) => {
      server.next((_request, response) => {
        response.writeHead(200, { "content-length": bytes.length });
        let sent = 0;
        const timer = setInterval(() => {
          response.write(bytes.subarray(sent, sent + 50_000));
          sent += 50_000;
          if (sent < bytes.length) return;
          clearInterval(timer);
          response.end();
        }, 400);
      });
      await store.fetch(release, {});
      await store.verify(release);
    },
    { idleMs: 1500 },
  ));

test("cuts an endless body one byte after the bundle's size, and verify refuses it", () =>
  bench(async ({ directory, server, store }) => {
    const ended = Promise.withResolvers<void>();
    server.next((_request, response) => {
      response.writeHead(200);
      const send = (): void => {
        while (!response.destroyed && response.write(bytes));
      };
      response.on("drain", send).on("close", () => ended.resolve());
      send();
    });
    await store.fetch(release, {});
    await ended.promise;
    assert.equal(statSync(partOf(directory)).size, bytes.length + 1);
    await assert.rejects(store.verify(release), { code: "bundle_corrupt", retry: "later" });
    assert.equal(existsSync(partOf(directory)), false);
  }));

for (const [fault, body, message] of [
  ["too short", bytes.subarray(0, 1000), /has 1000 bytes instead of 300000/],
  ["of the right length and wrong content", randomBytes(bytes.length), /has the sha256/],
] as const) {
  test(`deletes a bundle that is ${fault}, and fetches it anew`, () =>
    bench(async ({ directory, server, store }) => {
      server.next((_request, response) => response.end(body));
      await store.fetch(release, {});
      await assert.rejects(store.verify(release), (error: FleetError) => {
        assert.equal(error.code, "bundle_corrupt");
        assert.match(error.message, message);
        return true;
      });
      assert.deepEqual(readdirSync(join(directory, "bundles")), []);
      await store.fetch(release, {});
      await store.verify(release);
    }));
}

for (const status of [401, 404, 503]) {
  test(`an answer ${status} is a reason to try later, with nothing left behind`, () =>
    bench(async ({ directory, server, store }) => {
      server.next((_request, response) => response.writeHead(status).end("no"));
      await assert.rejects(store.fetch(release, {}), (error: FleetError) => {
        assert.equal(error.code, "bundle_unreachable");
        assert.match(error.message, new RegExp(`answered ${status}`));
        return true;
      });
      assert.equal(existsSync(partOf(directory)), false);
    }));
}

test("a failing answer keeps the part of an earlier try", () =>
  bench(async ({ directory, server, store }) => {
    server.next(cutAfter(bytes, 100_000, partOf(directory)));
    await assert.rejects(store.fetch(release, {}));
    server.next((_request, response) => response.writeHead(503).end());
    await assert.rejects(store.fetch(release, {}));
    assert.equal(statSync(partOf(directory)).size, 100_000);
  }));

test("names why a hub cannot be reached", async () => {
  using directory = scratch();
  const store = storeAt(directory.path, "http://127.0.0.1:1");
  await assert.rejects(store.fetch(release, {}), (error: FleetError) => {
    assert.equal(error.code, "bundle_unreachable");
    assert.match(error.message, /ECONNREFUSED|bad port/);
    return true;
  });
});

test("stops at once when told to, and keeps what came", () =>
  bench(async ({ directory, server, store }) => {
    const stop = new AbortController();
    server.next((_request, response) => {
      response.writeHead(200, { "content-length": bytes.length });
      response.write(bytes.subarray(0, 60_000));
    });
    const onProgress = (share: number): void => {
      if (share > 0) setTimeout(() => stop.abort(), 50);
    };
    const fetching = store.fetch(release, { onProgress, signal: stop.signal });
    await assert.rejects(fetching, { code: "interrupted" });
    assert.ok(statSync(partOf(directory)).size > 0);
  }));

test("reports progress that rises to one, over a resume too", () =>
  bench(async ({ directory, server, store }) => {
    server.next(cutAfter(bytes, 150_000, partOf(directory)));
    await assert.rejects(store.fetch(release, {}));
    const shares: number[] = [];
    await store.fetch(release, { onProgress: (share) => shares.push(share) });
    assert.ok(shares.length > 0 && (shares[0] ?? 0) > 0.5);
    assert.equal(shares.at(-1), 1);
    assert.deepEqual(
      shares,
      shares.toSorted((a, b) => a - b),
    );
  }));

test("says how much disk is missing before it asks for a byte", () =>
  bench(
    async ({ server, store }) => {
      await assert.rejects(store.fetch(release, {}), (error: FleetError) => {
        assert.equal(error.code, "disk_short");
        assert.match(error.message, /short by 1\.2 MB .* 0\.6 MB are needed and 1\.0 MB stay/);
        return true;
      });
      assert.equal(server.requests.length, 0);
    },
    { reserveBytes: 1_000_000, statDisk: async () => ({ bavail: 100, bsize: 4096 }) },
  ));

test("counts what an earlier try has already taken of the disk", () =>
  bench(
    async ({ directory, store }) => {
      await assert.rejects(store.fetch(release, {}), { code: "disk_short" });
      writeFileSync(partOf(directory), bytes.subarray(0, 200_000));
      await store.fetch(release, {});
      await store.verify(release);
    },
    { statDisk: async () => ({ bavail: 100, bsize: 4096 }) },
  ));
