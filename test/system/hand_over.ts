// The story of updates without a gap, told once for each runtime.
import * as assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AppReport } from "#shared/reported.ts";
import {
  type Asking,
  addDeployment,
  keepAsking,
  wordOf,
  writeRelease,
} from "#test/support/hand_over_role.ts";
import { takePorts } from "#test/support/ports.ts";
import type { TestFleet } from "#test/support/running_fleet.ts";

interface Story {
  test: (name: string, body: () => Promise<void>) => void;
  fleet: () => TestFleet;
}

const updates = 20;
/** Every fourth release fails its probe. */
const fails = (number: number): boolean => number % 4 === 0;

/** Declares the tests; the fleet is there when they run. */
export function tellHandOver({ test, fleet }: Story): void {
  let port = 0;
  const device = (): string => fleet().fleet.devices[0] ?? "";
  const web = (): Promise<AppReport> => fleet().app(device(), "web");
  const copies = async (): Promise<string[]> =>
    (await fleet().instances(device(), "web", "web")).map(({ id }) => id);

  const release = async (word: string, passes = true): Promise<string> => {
    await writeRelease(fleet(), { word, passes, port });
    return fleet().commit(`Release ${word}`);
  };
  const arrives = (commit: string): Promise<AppReport> =>
    fleet().until("the release", async () => {
      const app = await web();
      const isThere = app.current?.commit === commit && app.sync === "Synced";
      return isThere && app.health === "Healthy" && app.services[0]?.instances.length === 1 && app;
    });
  const goesBack = (commit: string): Promise<AppReport> =>
    fleet().until("the way back", async () => {
      const app = await web();
      const isBack = app.target?.commit === commit && app.failure?.code === "unhealthy";
      const isOver = isBack && app.step === undefined && app.health === "Healthy";
      return isOver && app.services[0]?.instances.length === 1 && app;
    });
  const whileAsked = async (work: (asking: Asking) => Promise<void>): Promise<void> => {
    const asking = keepAsking(port);
    await work(asking).finally(asking.stop);
    assert.deepEqual(asking.failures, []);
    assert.ok(asking.answers > 10);
  };
  const forwarderPid = (): number => {
    const file = `${fleet().data}/devices/${device()}/forward/forwarder.json`;
    return (JSON.parse(readFileSync(file, "utf8")) as { pid: number }).pid;
  };

  test("a first release answers at its published port", async () => {
    [port] = await takePorts(1);
    await addDeployment(fleet());
    await arrives(await release("r0"));
    assert.equal(await wordOf(port), "r0");
  });

  test(`no request fails in ${updates} updates, of which every fourth fails its probe`, async () => {
    await whileAsked(async (asking) => {
      const good = ["r0"];
      for (let number = 1; number <= updates; number += 1) {
        const before = await copies();
        const commit = await release(`r${number}`, !fails(number));
        if (fails(number)) {
          await goesBack(commit);
          assert.deepEqual(await copies(), before, "the old copy is the same");
        } else {
          await arrives(commit);
          good.push(`r${number}`);
          assert.equal(await wordOf(port), `r${number}`);
        }
      }
      assert.deepEqual(asking.words, good, "no release answers that did not prove itself");
    });
  });

  for (const [what, passes] of [
    ["", true],
    [" to a release that fails", false],
  ] as const) {
    for (const delayMs of [400, 900, 1500]) {
      test(`the agent killed ${delayMs} ms into a hand-over${what}: no request fails`, async () => {
        const forwarder = forwarderPid();
        await fleet().until("the agent", async () => fleet().fleet.children.pid(device()));
        await whileAsked(async () => {
          const commit = await release(`k${delayMs}${passes}`, passes);
          await new Promise((resolve) => setTimeout(resolve, delayMs));
          const killed = fleet().kill(device());
          await (passes ? arrives(commit) : goesBack(commit));
          // The update may have been over before.
          await fleet().until("another agent", async () => {
            const pid = fleet().fleet.children.pid(device());
            return pid !== undefined && pid !== killed;
          });
        });
        assert.equal(forwarderPid(), forwarder, "the forwarder outlives the agent");
        // After three failures in a row the device would try nothing any more.
        if (!passes) await arrives(await release(`g${delayMs}`, true));
      });
    }
  }

  test("a forwarder that is killed is started again by the agent", async () => {
    const forwarder = forwarderPid();
    process.kill(forwarder, "SIGKILL");
    await fleet().until("another forwarder", async () => forwarderPid() !== forwarder);
    await fleet().until("an answer", async () => (await wordOf(port)) !== "");
  });

  test("another published port moves the forwarder and leaves the copies alone", async () => {
    const before = await copies();
    const old = port;
    [port] = await takePorts(1);
    await arrives(await release(await wordOf(old)));
    assert.deepEqual(await copies(), before);
    await fleet().until("the new port", async () => (await wordOf(port)) !== "");
    await assert.rejects(wordOf(old));
  });

  test("a service that is handed over no more publishes its port itself, and back again", async () => {
    const path = "roles/web/compose.yaml";
    const toggle = async (from: string, to: string): Promise<void> => {
      await fleet().edit(path, (text) => text.replace(from, () => to));
      await arrives(await fleet().commit(`${from} becomes ${to}`));
      await fleet().until("an answer", async () => (await wordOf(port)) !== "");
    };
    const [plain, handed] = [
      `update: replace\n      command: [sh, -c, 'exec busybox httpd -f -p "127.0.0.1:${port}" -h www']`,
      `update: hand-over\n      command: [sh, -c, 'exec busybox httpd -f -p "127.0.0.1:$$FLEET_PORT_8080" -h www']`,
    ];
    await toggle(handed, plain);
    await toggle(plain, handed);
  });

  test("an app that leaves lets go of its port", async () => {
    await fleet().edit("fleet.yaml", (text) =>
      text.replace(/\n {2}- name: web\n(?: {4}.*\n)*/, "\n"),
    );
    await fleet().commit("No web");
    await fleet().until("the port", async () => {
      const server = createServer().listen(port, "127.0.0.1");
      const bound = await new Promise<boolean>((resolve) => {
        server.once("listening", () => resolve(true)).once("error", () => resolve(false));
      });
      server.close();
      return bound;
    });
  });
}
