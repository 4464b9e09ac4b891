// What a wipe leaves of an app whose services are processes: nothing, or a word why.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AppName } from "#shared/ids.ts";
import { benchTests, only, shell } from "./fixture.ts";

const test = benchTests("process runtime wipe");

test("refuses while a copy is there, and leaves no data once none is", async ({
  runtime,
  app,
  directory,
}) => {
  const one = runtime();
  const shop = AppName.parse("shop");
  const volumes = join(directory, "volumes/shop");
  await one.start(app({ web: shell("sleep 60") }), { service: "web", index: 1 });
  mkdirSync(volumes, { recursive: true });
  writeFileSync(join(volumes, "orders"), "secret");
  await assert.rejects(one.wipe(shop, "shop"), { code: "runtime_refused" });
  await one.remove(await only(one));
  await one.wipe(shop, "shop");
  assert.equal(existsSync(volumes), false);
});
