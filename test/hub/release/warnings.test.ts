// What a commit says that is probably not meant: told with its acceptance, and no reason to refuse it.
import assert from "node:assert/strict";
import { suite } from "#test/suite.ts";
import { type RunningHub, withHub } from "#test/support/hub.ts";
import { robotCompose, smallFleet } from "#test/support/sites.ts";

const test = suite("hub/release/warnings");

async function accepted(hub: RunningHub): Promise<string> {
  const told = (await hub.events()).filter(({ reason }) => reason === "CommitAccepted");
  return told.at(-1)?.message ?? "";
}

test("are told with the acceptance, each once over all sites, until the file is mended", () =>
  withHub(async ({ repository, start }) => {
    repository.commit(smallFleet, "first");
    const hub = await start();
    await hub.sync();
    assert.match(
      await accepted(hub),
      /is accepted with warnings: roles\/robot\/compose\.yaml:2: services\.robot\.restart: is not set, [^;]*$/,
    );
    const mended = robotCompose.replace("    image:", "    restart: always\n    image:");
    repository.commit({ "roles/robot/compose.yaml": mended }, "second");
    await hub.sync();
    assert.match(await accepted(hub), /"second" by .* is accepted$/);
  }));

test("are summed up where there are many", () =>
  withHub(async ({ repository, start }) => {
    const services = Array.from({ length: 7 }, (_, at) => `  s${at}: {image: "example/robot:1"}\n`);
    const compose = `services:\n${services.join("")}`;
    repository.commit({ ...smallFleet, "roles/robot/compose.yaml": compose }, "first");
    const hub = await start();
    await hub.sync();
    assert.match(await accepted(hub), /services\.s4\.restart: [^;]*; and 2 more$/);
  }));
