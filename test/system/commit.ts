// The story of a commit, told once for each runtime.
import * as assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { InstanceReport } from "#shared/reported.ts";
import type { TestFleet } from "#test/support/running_fleet.ts";

interface Story {
  test: (name: string, body: () => Promise<void>) => void;
  after: (hook: () => void) => void;
  fleet: () => TestFleet;
  runtime: "docker" | "process";
  /** An image, or a program, that is not to be had. */
  missing: () => string;
}

const ids = (instances: readonly InstanceReport[]): string[] =>
  instances.map(({ id }) => id).sort();

/** Declares the tests; the fleet is there when they run. */
export function tellCommitStory({ test, after, fleet, runtime, missing }: Story): void {
  const closing: Server[] = [];
  after(() => {
    for (const server of closing) server.close();
  });
  const device = (at: number): string => fleet().fleet.devices[at] ?? "";

  const serves = async (at: number): Promise<void> => {
    const port = await fleet().statusPort(device(at));
    const response = await fetch(`http://127.0.0.1:${port}/health.json`);
    assert.equal(response.status, 200);
  };

  const allOn = async (commit: string, app: string): Promise<void> => {
    const { until, devices } = fleet();
    await until(`${app} at ${commit.slice(0, 8)} on all devices`, async () => {
      const apps = (await devices()).flatMap((one) => one.apps);
      const concerned = apps.filter(({ name }) => name === app);
      return (
        concerned.length > 0 &&
        concerned.every(
          ({ sync, health, current }) =>
            sync === "Synced" && health === "Healthy" && current?.commit === commit,
        )
      );
    });
  };

  test("one role fans out to three sites with 3, 5 and 10 instances", async () => {
    const counts = [];
    for (const at of [0, 1, 2]) {
      counts.push((await fleet().instances(device(at), "robots", "robot")).length);
    }
    assert.deepEqual(counts, [3, 5, 10]);
  });

  test("an app lands only on the devices that its selector matches", async () => {
    const names = (await fleet().devices()).map(({ apps }) => apps.map(({ name }) => name));
    assert.deepEqual(names, [["robots", "signage"], ["robots"], ["robots", "signage-preview"]]);
  });

  test("a commit is healthy on all devices in under ten seconds, and what it did not change stays", async () => {
    const robots = ids(await fleet().instances(device(2), "robots", "robot"));
    const tookMs: number[] = [];
    // Another program may take the machine for a moment, and not three times.
    for (const [from, to] of [
      ["work", "rest"],
      ["rest", "ease"],
      ["ease", "play"],
    ] as const) {
      tookMs.push(await reaches(from, to, robots));
      if (Math.min(...tookMs) < 10_000) return;
    }
    assert.fail(`took ${tookMs.map(Math.round).join(", ")} ms`);
  });

  /** @returns how long the word took to every device */
  const reaches = async (from: string, to: string, robots: string[]): Promise<number> => {
    const status = ids(await fleet().instances(device(2), "robots", "status"));
    await fleet().edit("roles/robot/status/www/index.html", (text) => text.replace(from, to));
    const began = performance.now();
    const commit = await fleet().commit(`Robots ${to}`);
    await allOn(commit, "robots");
    const tookMs = performance.now() - began;
    assert.deepEqual(ids(await fleet().instances(device(2), "robots", "robot")), robots);
    assert.notDeepEqual(ids(await fleet().instances(device(2), "robots", "status")), status);
    const port = await fleet().statusPort(device(2));
    const page = await (await fetch(`http://127.0.0.1:${port}/`)).text();
    assert.match(page, new RegExp(`at ${to}`));
    return tookMs;
  };

  test("ROBOT_COUNT from 3 to 10 starts exactly seven instances and restarts none", async () => {
    const before = ids(await fleet().instances(device(0), "robots", "robot"));
    const elsewhere = ids(await fleet().instances(device(1), "robots", "robot"));
    await fleet().edit("sites/north.yaml", (text) =>
      text.replace("ROBOT_COUNT: 3", "ROBOT_COUNT: 10"),
    );
    await fleet().commit("Ten robots in the north");
    const after = await fleet().until("ten robots", async () => {
      const app = await fleet().app(device(0), "robots");
      const robots = app.services.find(({ name }) => name === "robot")?.instances ?? [];
      return app.sync === "Synced" && robots.length === 10 && robots;
    });
    const kept = ids(after).filter((id) => before.includes(id));
    assert.deepEqual(kept, before);
    assert.ok(after.every(({ restarts }) => restarts === 0));
    assert.deepEqual(ids(await fleet().instances(device(1), "robots", "robot")), elsewhere);
  });

  test("a commit on staging reaches only the device that tracks it", async () => {
    const main = (await fleet().app(device(0), "signage")).current;
    await fleet().git("switch", "--quiet", "staging");
    await fleet().edit("roles/signage/screen/show.sh", (text) => text.replace("shows", "previews"));
    const commit = await fleet().commit("Preview another word");
    await fleet().git("switch", "--quiet", "main");
    await allOn(commit, "signage-preview");
    assert.deepEqual((await fleet().app(device(0), "signage")).current, main);
  });

  test("git revert brings the old release back", async () => {
    const good = (await fleet().app(device(0), "signage")).current;
    await fleet().edit("roles/signage/screen/show.sh", (text) => text.replace("shows", "sings"));
    await allOn(await fleet().commit("Screens sing"), "signage");
    assert.notEqual((await fleet().app(device(0), "signage")).current?.digest, good?.digest);
    await fleet().git("revert", "--no-edit", "HEAD");
    await fleet().poke();
    await fleet().until("the old release", async () => {
      const { current, sync } = await fleet().app(device(0), "signage");
      return sync === "Synced" && current?.digest === good?.digest;
    });
  });

  interface BadCommit {
    name: string;
    file: string;
    change: (text: string) => string;
    /** What the reason in the API must say. */
    reason: RegExp;
    /** The hub refuses the whole commit, or each device refuses or rolls back the release. */
    by: "hub" | "device";
  }

  const compose = "roles/robot/compose.yaml";
  const absent = (text: string): string =>
    runtime === "docker"
      ? text.replace(/(status:\n {4}image: ).*/, `$1${missing()}`)
      : text.replace('["node", "server.mjs"]', `["${missing()}"]`);
  const dying = (text: string): string =>
    text.replace('["sh", "work.sh"]', '["sh", "-c", "exit 3"]');
  const failing: BadCommit[] = [
    {
      name: "a syntax error",
      file: compose,
      change: (text) => text.replace("services:", "services: ["),
      reason: /compose\.yaml:\d+/,
      by: "hub",
    },
    {
      name: "a missing variable",
      file: compose,
      change: (text) => text.replace("${TASK:-patrol}", "${TASK:?say what the robots do}"),
      reason: /compose\.yaml:\d+.*say what the robots do/,
      by: "hub",
    },
    {
      name: runtime === "docker" ? "an image that does not exist" : "a program that does not exist",
      file: compose,
      change: absent,
      reason: /no-such-\w+/,
      by: "device",
    },
    {
      name: "a container that exits at once",
      file: compose,
      change: dying,
      reason: /robot-\d+ (ended with exit code 3|crashed|is restarting with exit code 3)/,
      by: "device",
    },
    {
      name: "a health endpoint that answers 500",
      file: "roles/robot/role.yaml",
      change: (text) =>
        text.replace("http://127.0.0.1:${STATUS_PORT}/health.json", "http://127.0.0.1:${BROKEN}/"),
      reason: /answered 500/,
      by: "device",
    },
    {
      name: "a host port that is taken",
      file: compose,
      change: (text) => text.replaceAll("${STATUS_PORT}", "${TAKEN}"),
      reason: /port \d+\S* .*(taken|held)/i,
      by: "device",
    },
  ];

  for (const bad of failing) {
    test(`${bad.name} is refused or rolled back by itself, and the old release serves`, async () => {
      await goodAgain();
      const helper = createServer((_, response) => response.writeHead(500).end());
      await new Promise<void>((resolve) => helper.listen(0, "127.0.0.1", resolve));
      closing.push(helper);
      const { port } = helper.address() as AddressInfo;
      const before = await fleet().app(device(0), "robots");
      const running = ids(await fleet().instances(device(0), "robots", "status"));
      await fleet().edit(bad.file, (text) =>
        bad.change(text).replaceAll("${BROKEN}", `${port}`).replaceAll("${TAKEN}", `${port}`),
      );
      undo = true;
      await fleet().commit(`Bad: ${bad.name}`);
      if (bad.by === "hub") await refusedByHub(bad.reason);
      else await refusedByDevice(bad.reason);
      await serves(0);
      const after = await fleet().until("the old release alone", async () => {
        const app = await fleet().app(device(0), "robots");
        return app.step === undefined && app.health === "Healthy" && app;
      });
      assert.deepEqual(after.current, before.current);
      assert.deepEqual(ids(await fleet().instances(device(0), "robots", "status")), running);
      await notTriedAgain();
      await goodAgain();
    });
  }

  let undo = false;

  /** Takes the last bad commit back, whether its test got so far or not, and brings a good one: after three
   *  failures in a row a device would try nothing any more. */
  const goodAgain = async (): Promise<void> => {
    if (!undo) return;
    undo = false;
    await fleet().git("revert", "--no-edit", "HEAD");
    await fleet().edit("roles/robot/status/www/index.html", (text) => `${text}<!-- better -->\n`);
    const head = await fleet().commit("A good one");
    await fleet().until("the good commit", async () => (await mainBranch()).accepted === head);
    await allOn(head, "robots");
    await fleet().converged();
  };

  const mainBranch = async (): Promise<{ accepted: string | null; refusal: string | null }> => {
    const { branches } = await fleet().api<{
      branches: { branch: string; accepted: string | null; refusal: string | null }[];
    }>("/v1/fleet");
    const main = branches.find(({ branch }) => branch === "main");
    assert.ok(main);
    return main;
  };

  const refusedByHub = async (reason: RegExp): Promise<void> => {
    const refusal = await fleet().until("the refusal", async () => {
      const { refusal } = await mainBranch();
      return refusal !== null && reason.test(refusal) && refusal;
    });
    assert.doesNotMatch(refusal, /\n/);
  };

  const refusedByDevice = async (reason: RegExp): Promise<void> => {
    const { failure } = await fleet().until("the failure", async () => {
      const app = await fleet().app(device(0), "robots");
      return (
        app.failure !== undefined && app.quarantined.length > 0 && app.step === undefined && app
      );
    });
    assert.match(failure?.message ?? "", reason);
    assert.doesNotMatch(failure?.message ?? "", /\n/);
  };

  const updates = async (): Promise<{ outcome: string }[]> =>
    (await fleet().api<{ items: { outcome: string }[] }>(`/v1/devices/${device(0)}/updates`)).items;
  const attempts = async (): Promise<number> => (await updates()).length;

  const notTriedAgain = async (): Promise<void> => {
    // The journal may come after the report.
    await fleet().until("the end of the last attempt", async () =>
      (await updates()).every(({ outcome }) => outcome !== "running"),
    );
    const before = await attempts();
    await new Promise((resolve) => setTimeout(resolve, 1500));
    assert.equal(await attempts(), before);
  };
}
