import assert from "node:assert/strict";
import { existsSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createFileStore } from "#edge/runtime/docker/files.ts";
import { suite } from "#test/suite.ts";
import { resolvedApp } from "#test/support/app.ts";
import { scratchDirectory } from "#test/support/engine.ts";
import { syncedPaths } from "#test/support/synced.ts";
import { closeDevice, failure, inside, testDevice } from "./device.ts";

const test = suite("configs and secrets as files");
test.after(closeDevice);

test.real(
  "docker",
  "mounts configs and secrets read-only, for the user they are meant for",
  async () => {
    const { app, service, up, until, runtime, directory, filesDir } = testDevice();
    writeFileSync(join(directory, "site.conf"), "from the release");
    const web = app(
      "files",
      [
        service("web", {
          user: "1000:1000",
          configs: [
            { source: "site", target: "/etc/site.conf" },
            { source: "inline", target: "/etc/inline.conf" },
          ],
          secrets: [
            {
              source: "token",
              target: "/run/secrets/token",
              uid: "1000",
              gid: "1000",
              mode: 0o400,
            },
          ],
        }),
      ],
      {
        configs: { site: { file: "./site.conf" }, inline: { content: "in the file\n" } },
        secrets: { token: { environment: "TOKEN" } },
        values: { TOKEN: "s3cret" },
      },
    );
    await up(web);
    const name = `${web.project}-web-1`;
    assert.equal(inside(name, "cat", "/etc/site.conf"), "from the release");
    assert.equal(inside(name, "cat", "/etc/inline.conf"), "in the file");
    assert.equal(inside(name, "cat", "/run/secrets/token"), "s3cret");
    assert.equal(inside(name, "stat", "-c", "%a %u", "/run/secrets/token"), "400 1000");
    assert.equal(
      inside(name, "sh", "-c", "echo x >/etc/inline.conf 2>&1 || echo refused").split("\n").at(-1),
      "refused",
    );
    assert.equal(statSync(filesDir).mode & 0o777, 0o700);
    const home = join(filesDir, web.project, name);
    assert.ok(existsSync(home));
    for (const copy of await until(web, (all) => all.length === 1)) await runtime.remove(copy);
    assert.ok(!existsSync(home));
  },
);

test.real("docker", "names the value that a secret comes from and that is not set", async () => {
  const { app, service, runtime } = testDevice();
  const web = app(
    "no-value",
    [service("web", { secrets: [{ source: "token", target: "/run/secrets/token" }] })],
    { secrets: { token: { environment: "TOKEN" } } },
  );
  const refusal = await failure(runtime.check(web, []));
  assert.equal(refusal.code, "variable_missing");
  assert.match(refusal.message, /TOKEN/);
});

test("they are on the disk before any container has them: after a power cut the Engine asks nobody", async () => {
  const filesDir = join(scratchDirectory(), "files");
  const part = { configs: [{ source: "inline", target: "/etc/inline.conf" }] };
  const web = resolvedApp("a", { web: part });
  const app = { ...web, compose: { ...web.compose, configs: { inline: { content: "text" } } } };
  const store = createFileStore(filesDir);
  const synced = await syncedPaths(() => store.write(app, { service: "web", index: 1 }));
  const home = join(filesDir, app.project, `${app.project}-web-1`);
  for (const path of [join(home, "0.new"), home, join(filesDir, app.project)]) {
    assert.ok(synced.includes(path), `${path} was not synced: ${synced.join(" ")}`);
  }
});
