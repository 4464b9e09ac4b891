// Configs and secrets as files of a process.
import assert from "node:assert/strict";
import { readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { syncedPaths } from "#test/support/synced.ts";
import { benchTests, only, readIfThere, shell, until } from "./fixture.ts";

const test = benchTests("process files");

test("lays configs and secrets out as files that only their owner reads", async ({
  runtime,
  app,
  release,
  directory,
}) => {
  const one = runtime();
  writeFileSync(join(release, "shipped.conf"), "shipped");
  const script =
    'cat "$METRICA_FLEET_FILES/etc/app.conf" "$METRICA_FLEET_FILES/run/secrets/key" "$METRICA_FLEET_FILES/shipped" >seen; sleep 60';
  const shop = app({
    web: shell(script, {
      configs: [
        { source: "app", target: "/etc/app.conf" },
        { source: "shipped", target: "/shipped" },
      ],
      secrets: [{ source: "key", target: "/run/secrets/key" }],
    }),
  });
  const compose = {
    ...shop.compose,
    configs: { app: { content: "inline," }, shipped: { file: "./shipped.conf" } },
    secrets: { key: { environment: "KEY" } },
  };
  const whole = { ...shop, compose, values: { KEY: "hidden," } };
  await one.start(whole, { service: "web", index: 1 });
  await until("files", () => readIfThere(join(release, "seen")) === "inline,hidden,shipped");
  const folder = join(directory, "files/shop/web");
  const key = join(folder, readdirSync(folder)[0] ?? "", "run/secrets/key");
  assert.equal(statSync(key).mode & 0o777, 0o600);
  await one.remove(await only(one));
  assert.deepEqual(readdirSync(folder), []);
  await assert.rejects(one.start({ ...whole, values: {} }, { service: "web", index: 1 }), {
    code: "runtime_refused",
  });
});

test("they are on the disk before their directory has its name: a power cut leaves none of them empty", async ({
  runtime,
  app,
  directory,
}) => {
  const shop = app({ web: shell("sleep 60", { configs: [{ source: "app", target: "/etc/a" }] }) });
  const compose = { ...shop.compose, configs: { app: { content: "inline" } } };
  const synced = await syncedPaths(() =>
    runtime().start({ ...shop, compose }, { service: "web", index: 1 }),
  );
  const folder = join(directory, "files/shop/web");
  const draft = join(folder, `${readdirSync(folder)[0]}.draft`);
  for (const path of [join(draft, "etc/a"), join(draft, "etc"), draft, folder]) {
    assert.ok(synced.includes(path), `${path} was not synced: ${synced.join(" ")}`);
  }
});
