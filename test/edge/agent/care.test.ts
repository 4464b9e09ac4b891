// The care for disk and files as main wires it.
import * as assert from "node:assert/strict";
import { existsSync, lstatSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Journal } from "#edge/journal/port.ts";
import type { Runtime } from "#edge/runtime/port.ts";
import { FleetError } from "#shared/errors.ts";
import { suite } from "#test/suite.ts";
import { ballastBytes, bench, oldRelease, strayRelease, wantedRelease } from "./care_bench.ts";

const test = suite("care for disk and files, wired");

/** More than any disk has. */
const short = Number.MAX_SAFE_INTEGER;

function fault(what: string): FleetError {
  return new FleetError("internal", { message: `${what} is broken` });
}

const throwing = (what: string) => (): never => {
  throw fault(what);
};
const broken = (what: string) => (): Promise<never> => Promise.reject(fault(what));

/** With the size and the time that it had: no look can tell. */
function tamperUnseen(file: string): void {
  const { atime, mtime } = lstatSync(file);
  writeFileSync(file, "TRUE");
  utimesSync(file, atime, mtime);
}

test("a round makes the ballast, restores what was changed, and wakes the loop for it", () =>
  bench({}, async ({ care, at, root, told, woken }) => {
    await care.round();
    assert.equal(lstatSync(join(root, "ballast")).size, ballastBytes);
    assert.deepEqual([told(), woken()], [[], 0]);
    writeFileSync(at("conf/a.txt"), "tampered");
    await care.round();
    assert.equal(readFileSync(at("conf/a.txt"), "utf8"), "true");
    assert.deepEqual(told(), ["FilesChanged", "FilesRestored"]);
    assert.deepEqual([woken(), care.counts().repairs], [1, 1]);
  }));

test("what the ballast takes counts as room, and the facts say that it is there", () =>
  bench({ reserveBytes: 7 }, async ({ care }) => {
    await care.round();
    const facts = care.facts();
    assert.ok(facts?.ballast && facts.ballastBytes === ballastBytes);
    const room = await care.room();
    assert.equal(room.reserveBytes, 7);
    const now = care.facts();
    assert.equal(room.freeBytes, (now?.freeBytes ?? 0) + ballastBytes);
  }));

test("each round keeps the journal under its bound", async () => {
  let prunes = 0;
  const journal = (real: Journal): Partial<Journal> => ({
    prune: (...given) => {
      prunes += 1;
      return real.prune(...given);
    },
  });
  await bench({ journal }, async ({ care }) => {
    for (let round = 0; round < 3; round += 1) await care.round();
    assert.equal(prunes, 3);
  });
});

test("a journal that cannot be pruned keeps neither disk nor files from their care", () =>
  bench(
    { journal: () => ({ prune: throwing("pruning") }) },
    async ({ care, at, root, warnings }) => {
      await care.round();
      writeFileSync(at("conf/a.txt"), "tampered");
      await care.round();
      assert.equal(readFileSync(at("conf/a.txt"), "utf8"), "true");
      assert.ok(existsSync(join(root, "ballast")));
      assert.match(warnings[0] ?? "", /under its bound/);
    },
  ));

test("a store that cannot be read ends no round", () =>
  bench(
    { releases: () => ({ apps: broken("the store"), sweep: broken("the store") }) },
    async ({ care, root }) => {
      await care.round();
      await care.round();
      assert.ok(existsSync(join(root, "ballast")));
    },
  ));

test("files that a container may have written stay, others that are no part of the release go", () =>
  bench({}, async ({ care, at }) => {
    await care.round();
    writeFileSync(at("data/rows.db"), "rows");
    writeFileSync(at("conf/stranger"), "x");
    await care.round();
    assert.equal(readFileSync(at("data/rows.db"), "utf8"), "rows");
    assert.equal(existsSync(at("conf/stranger")), false);
  }));

test("short of room it gives up what is not wanted and what can be had again, and nothing else", () =>
  bench({ reserveBytes: short }, async ({ care, at, bundle, collected, told }) => {
    await care.round();
    assert.deepEqual(
      [strayRelease, oldRelease, wantedRelease].map((bytes) => existsSync(bundle(bytes))),
      [false, false, true],
      "a download that is waited for stays, though an agent before this start made it",
    );
    assert.equal(readFileSync(at("conf/a.txt"), "utf8"), "true");
    assert.deepEqual(collected, [["web:1", "web:2"]], "images of both releases are kept");
    assert.deepEqual(told().includes("DiskShort"), true);
  }));

test("an Engine that does not answer keeps nothing else from being collected", () =>
  bench(
    { reserveBytes: short, runtime: { collectImages: broken("the Engine") } },
    async ({ care, bundle, warnings }) => {
      await care.round();
      assert.equal(existsSync(bundle(strayRelease)), false);
      assert.equal(existsSync(bundle(oldRelease)), false);
      assert.deepEqual(warnings, ["disk space could not be collected"]);
    },
  ));

test("no image goes while a release cannot be read: it may need that one", () =>
  bench(
    { reserveBytes: short, releases: () => ({ load: broken("the release") }) },
    async ({ care, collected, warnings }) => {
      await care.round();
      assert.deepEqual(collected, []);
      assert.ok(warnings.includes("disk space could not be collected"));
    },
  ));

test("the deep check finds and repairs what no look can tell", () =>
  bench({}, async ({ care, at, told }) => {
    await care.round();
    await care.deepCheck.now();
    tamperUnseen(at("conf/a.txt"));
    const { findings, failed } = await care.deepCheck.now();
    assert.deepEqual(failed, []);
    assert.deepEqual(findings, [
      { check: "files of the releases", text: "web: conf/a.txt was changed" },
    ]);
    assert.equal(readFileSync(at("conf/a.txt"), "utf8"), "true");
    assert.ok(told().includes("FilesRestored"));
  }));

test("the deep check tells what is wrong with the journal, and collects what is harmless", async () => {
  const journal = (): Partial<Journal> => ({ integrity: async () => "row 7 is torn" });
  await bench({ journal }, async ({ care, bundle, collected, told }) => {
    const { findings } = await care.deepCheck.now();
    assert.deepEqual(findings, [{ check: "journal", text: "row 7 is torn" }]);
    assert.deepEqual(told(), ["DeepCheckFound"]);
    assert.equal(existsSync(bundle(strayRelease)), false);
    assert.equal(
      existsSync(bundle(oldRelease)),
      true,
      "there is room for what may be wanted again",
    );
    assert.deepEqual(collected, [["web:1", "web:2"]]);
  });
});

test("the deep check asks what each app's copies have lost, and has the loop look at once", async () => {
  const examine: Runtime["examine"] = async ({ app, services }) => [
    `volume ${app}_data of ${Object.keys(services).join(" ")} is gone`,
  ];
  await bench({ runtime: { examine } }, async ({ care, told, woken }) => {
    const { findings } = await care.deepCheck.now();
    const text = "web: volume web_data of web is gone";
    assert.deepEqual(findings, [{ check: "what running services need", text }]);
    assert.deepEqual([told(), woken()], [["DeepCheckFound"], 1]);
  });
});

test("a check that fails keeps the others from nothing", async () => {
  const journal = (): Partial<Journal> => ({ integrity: broken("the worker") });
  await bench({ journal }, async ({ care, at, bundle }) => {
    await care.round();
    writeFileSync(at("conf/a.txt"), "tampered");
    const { failed } = await care.deepCheck.now();
    assert.deepEqual(
      failed.map(({ check, message }) => `${check}: ${message}`),
      ["journal: the worker is broken"],
    );
    assert.equal(readFileSync(at("conf/a.txt"), "utf8"), "true");
    assert.equal(existsSync(bundle(strayRelease)), false);
  });
});

test("ends in the middle of a check, and more than once", async () => {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const journal = (): Partial<Journal> => ({ integrity: () => promise });
  await bench({ journal }, async ({ care }) => {
    care.start();
    const asked = care.deepCheck.now();
    const stopped = care.stop();
    resolve(undefined);
    await Promise.all([asked, stopped]);
    await care.stop();
  });
});
