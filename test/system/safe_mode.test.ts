// A real device in trouble: what leads into safe mode, what serves there, and what leads out.
import * as assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import type { LocalStatus } from "#edge/page/status.ts";
import type { InstanceReport, ReportedState } from "#shared/reported.ts";
import { suite } from "#test/suite.ts";
import { launchFleet, type TestFleet } from "#test/support/running_fleet.ts";

/** However they are listed. */
const ids = (copies: readonly InstanceReport[]): string[] => copies.map(({ id }) => id).sort();
const test = suite("safe mode on a real device", { limitMs: 400_000 });
let launched: TestFleet | undefined;
/** What the role's probe is answered. */
let answer = 200;
const helper = createServer((_, response) => response.writeHead(answer).end());

test.before(async () => {
  await new Promise<void>((resolve) => helper.listen(0, "127.0.0.1", resolve));
  launched = await launchFleet({ runtime: "process", devices: 1 });
  await launched.converged();
});
test.after(async () => {
  helper.close();
  await launched?.stop();
});

function fleet(): TestFleet {
  assert.ok(launched);
  return launched;
}

const device = (): string => fleet().fleet.devices[0] ?? "";
const reported = async (): Promise<ReportedState> => {
  const found = await fleet().api<{ reported?: ReportedState }>(`/v1/devices/${device()}`);
  assert.ok(found.reported);
  return found.reported;
};
const page = async (path: string): Promise<Response> =>
  fetch(`http://127.0.0.1:${fleet().pagePort}${path}`);
const local = async (): Promise<LocalStatus> => (await (await page("/v1/status")).json()) as never;
const served = async (): Promise<string> => {
  const port = await fleet().statusPort(device());
  return (await fetch(`http://127.0.0.1:${port}/health.json`)).text();
};
const events = async (): Promise<string[]> => {
  const { items } = await fleet().api<{ items: { reason: string }[] }>(
    `/v1/events?device=${device()}&limit=200`,
  );
  return items.map(({ reason }) => reason).filter((reason) => reason.startsWith("SafeMode"));
};

const inSafeMode = (cause: string): Promise<ReportedState> =>
  fleet().until(`safe mode by ${cause}`, async () => {
    const state = await reported();
    return state.safeMode?.cause === cause && state;
  });

const tryAgain = async (): Promise<void> => {
  const answered = await fetch(new URL(`/v1/devices/${device()}/retry`, fleet().fleet.url), {
    method: "POST",
    headers: { authorization: `Bearer ${fleet().token}`, "content-type": "application/json" },
    body: JSON.stringify({ reason: "it is mended" }),
  });
  assert.equal(answered.status, 202);
};

const converged = (commit: string): Promise<unknown> =>
  fleet().until(`robots at ${commit.slice(0, 8)}`, async () => {
    const { sync, health, current } = await fleet().app(device(), "robots");
    return sync === "Synced" && health === "Healthy" && current?.commit === commit;
  });

const stack: Record<string, string> = {
  "role.yaml": "apiVersion: metrica.fleet/v1\nkind: Role\n",
  "compose.yaml": `services:
  beacon:
    image: busybox:1.36
    command: ["httpd", "-f"]
    working_dir: /srv/beacon
    x-fleet: { runtime: process, command: ["node", "beacon.mjs"] }
    environment: { PORT: "\${STATUS_PORT}" }
    volumes: ["./beacon:/srv/beacon:ro"]
    ports: ["127.0.0.1:\${STATUS_PORT}:8080"]
    restart: unless-stopped
    stop_grace_period: 1s
`,
  "beacon/beacon.mjs": `import { createServer } from "node:http";
createServer((_, response) => response.end("in safe mode")).listen(Number(process.env.PORT), "127.0.0.1");
process.on("SIGTERM", () => process.exit(0));
`,
};

test("prepares the fleet's safe-mode stack, which runs nothing while all is well", async () => {
  for (const [file, text] of Object.entries(stack)) {
    const path = join(fleet().repository, "roles/safe-mode", file);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
  const { port } = helper.address() as AddressInfo;
  await fleet().edit("roles/robot/role.yaml", (text) =>
    text
      .replace("gracePeriodSeconds: 30", "gracePeriodSeconds: 10")
      .concat(`    - http: http://127.0.0.1:${port}/\n`),
  );
  await converged(await fleet().commit("A stack for safe mode, and a probe that can fail"));
  const { apps } = await fleet().until("a ready stack", async () => {
    const state = await reported();
    const condition = state.conditions.find(({ type }) => type === "SafeMode");
    return condition?.status === "False" && /stack is ready/.test(condition.message) && state;
  });
  assert.ok(!apps.some(({ name }) => name === "safe-mode"));
});

test("three bad releases in a row lead into safe mode, told by event, condition and page", async () => {
  const before = await fleet().instances(device(), "robots", "status");
  for (const code of [3, 4, 5]) {
    await fleet().edit("roles/robot/compose.yaml", (text) =>
      text.replace(/command: \["sh", .*/, `command: ["sh", "-c", "exit ${code}"]`),
    );
    const commit = await fleet().commit(`Bad: exit ${code}`);
    await fleet().until("the failure", async () => {
      const { failure, target, step } = await fleet().app(device(), "robots");
      return failure !== undefined && target?.commit === commit && step === undefined;
    });
  }
  const state = await inSafeMode("failedUpdates");
  assert.equal(state.safeMode?.serves, "lastGood");
  const condition = state.conditions.find(({ type }) => type === "SafeMode");
  assert.deepEqual([condition?.status, condition?.reason], ["True", "FailedUpdates"]);
  await fleet().until("the event", async () => (await events()).length === 1);
  assert.equal((await local()).safeMode?.cause, "failedUpdates");
  assert.match(await (await page("/")).text(), /safe mode/i);
  assert.match(await served(), /ok|robot|\{/);
  assert.deepEqual(ids(await fleet().instances(device(), "robots", "status")), ids(before));
});

test("nothing new is tried before somebody says so, and then it is", async () => {
  await fleet().edit("roles/robot/compose.yaml", (text) =>
    text.replace(/command: \["sh", .*/, 'command: ["sh", "work.sh"]'),
  );
  await fleet().edit("roles/robot/status/www/index.html", (text) => `${text}<!-- mended -->\n`);
  const mended = await fleet().commit("Mended");
  const { why } = await fleet().until("the wish", async () => {
    const app = await fleet().app(device(), "robots");
    return app.target?.commit === mended && app;
  });
  assert.equal(why?.[0]?.reason, "SafeMode");
  await new Promise((resolve) => setTimeout(resolve, 3000));
  assert.notEqual((await fleet().app(device(), "robots")).current?.commit, mended);
  await tryAgain();
  await converged(mended);
  assert.equal((await reported()).safeMode, undefined);
  await fleet().until("the event", async () => (await events())[0] === "SafeModeLeft");
});

test("an agent that dies five times before it was well is in safe mode at its next start", async () => {
  const robots = await fleet().instances(device(), "robots", "robot");
  const wellMs = 31_000;
  await new Promise((resolve) => setTimeout(resolve, wellMs));
  for (let at = 0; at < 6; at += 1) {
    const pid = fleet().fleet.children.pid(device());
    fleet().kill(device());
    await fleet().until("a new agent at work", async () => {
      const status = await local();
      const isNew = fleet().fleet.children.pid(device()) !== pid;
      return isNew && status.enrolling === undefined && status.generation > 0;
    });
    assert.equal((await local()).safeMode?.cause, at < 5 ? undefined : "bootLoop");
  }
  await inSafeMode("bootLoop");
  assert.deepEqual(ids(await fleet().instances(device(), "robots", "robot")), ids(robots));
});

test("the stack takes over the port of an app that stays sick, and gives it back", async () => {
  answer = 500;
  await fleet().until("the stack", async () => (await served()) === "in safe mode");
  const { safeMode, apps } = await fleet().until("the report", async () => {
    const state = await reported();
    return state.safeMode?.serves === "safeStack" && state;
  });
  assert.equal(safeMode?.cause, "bootLoop");
  assert.equal(apps.find(({ name }) => name === "robots")?.health, "Suspended");
  answer = 200;
  await tryAgain();
  await fleet().converged();
  assert.notEqual(await served(), "in safe mode");
  assert.ok(!(await reported()).apps.some(({ name }) => name === "safe-mode"));
});
