// Which image a configuration was first made from, remembered over restarts, races and a disk that is broken.
import * as assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createOrigins } from "#edge/runtime/docker/origins.ts";
import { suite } from "#test/suite.ts";
import { scratchDirectory } from "#test/support/engine.ts";
import { appOf, instanceOf, serviceSpec } from "./apps.ts";

const test = suite("origins of copies");

const directory = scratchDirectory();
test.after(() => rmSync(directory, { recursive: true, force: true }));

let files = 0;
function newFile(): string {
  files += 1;
  return join(directory, String(files), "origins.json");
}

const web = { project: "shop", service: "web", configHash: "1" };

test("the first image stays, whoever else comes at the same time, until it is gone", async () => {
  const origins = createOrigins({ file: newFile() });
  const [one, other] = await Promise.all([origins.note(web, "a"), origins.note(web, "b")]);
  assert.deepEqual(
    [one, other],
    [
      { id: "a", isNew: true },
      { id: "a", isNew: false },
    ],
  );
  assert.deepEqual(await origins.note(web, "b", "x"), { id: "a", isNew: false });
  assert.deepEqual(await origins.note(web, "b", "a"), { id: "b", isNew: true });
  assert.equal(await origins.of(web), "b");
  assert.equal(await origins.of({ ...web, configHash: "2" }), undefined);
});

test("is on the disk before the container is made", async () => {
  const file = newFile();
  await createOrigins({ file }).note(web, "a");
  assert.match(readFileSync(file, "utf8"), /"image": "a"/);
  assert.equal(await createOrigins({ file }).of(web), "a");
});

test("a disk that takes nothing holds up no start, and has it at the first round after", async () => {
  const file = newFile();
  const place = join(file, "..");
  writeFileSync(place, "no directory");
  const origins = createOrigins({ file });
  await origins.note(web, "a");
  assert.equal(await origins.of(web), "a");
  rmSync(place);
  await origins.learn("pi-1", []);
  assert.equal(await createOrigins({ file }).of(web), "a");
});

test("keeps what apps on the device need, and forgets the rest for good", async () => {
  const file = newFile();
  const origins = createOrigins({ file });
  const app = appOf("shop", "/releases/a", [serviceSpec({ name: "web", image: "robot:1" })]);
  const configHash = app.services["web"]?.configHash ?? "";
  await origins.note({ ...web, configHash }, "kept");
  await origins.note(web, "old");
  const isOrigin = await origins.keepOnly([app]);
  assert.deepEqual([isOrigin("kept"), isOrigin("old")], [true, false]);
  assert.equal(await createOrigins({ file }).of(web), undefined);
  await origins.note(web, "since");
  assert.equal(isOrigin("since"), true, "a copy may be made while images are collected");
});

test("only what has served outlasts another attempt", async () => {
  const origins = createOrigins({ file: newFile() });
  const specs = (name: string) => [serviceSpec({ name, image: "robot:1" })];
  const [app, other] = [appOf("shop", "/a", specs("web")), appOf("shop", "/b", specs("api"))];
  const configHash = app.services["web"]?.configHash ?? "";
  const copy = { ...instanceOf("1"), service: "web", configHash };
  await origins.note({ ...web, configHash }, "a");
  await origins.attempt(other, []);
  assert.equal(await origins.of({ ...web, configHash }), "a", "an attempt is about its own app");
  await origins.attempt(app, []);
  assert.equal(await origins.of({ ...web, configHash }), undefined, "it never served");
  await origins.note({ ...web, configHash }, "b");
  await origins.attempt(other, [copy]);
  await origins.attempt(app, []);
  assert.equal(await origins.of({ ...web, configHash }), "b");
});
