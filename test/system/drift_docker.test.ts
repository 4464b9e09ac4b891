// Containers and networks that are changed behind a real agent's back.
import * as assert from "node:assert/strict";
import { suite } from "#test/suite.ts";
import { docker, importBusybox, removeImage, uniqueName } from "#test/support/engine.ts";
import { launchFleet, type TestFleet } from "#test/support/running_fleet.ts";
import { type Drift, type DriftWatch, watchDrift } from "./drift.ts";

const test = suite("drift, on Docker", { limitMs: 400_000 });
const image = uniqueName("drift");
let launched: TestFleet | undefined;
let watching: DriftWatch | undefined;

test.after(async () => {
  if (launched === undefined) return;
  await launched.stop();
  removeImage(image);
});

function fleet(): TestFleet {
  assert.ok(launched);
  return launched;
}

function watch(): DriftWatch {
  assert.ok(watching);
  return watching;
}

const real = (name: string, body: () => Promise<void>): void => {
  test.real("docker", name, async () => {
    if (launched === undefined) {
      importBusybox(image);
      launched = await launchFleet({ runtime: "docker", image, devices: 1 });
      await launched.converged(120_000);
      watching = watchDrift(launched);
    }
    await body();
  });
};

const nameOf = (copy: string): string => `${watch().device}-${copy}`;
const isRunning = (copy: string): boolean =>
  docker("ps", "--filter", `name=^${nameOf(copy)}$`, "--format", "{{.State}}") === "running";
/** Of a copy that starts anew. */
const anew = (app: string, copy: string): Pick<Drift, "isMended" | "restarts"> => ({
  isMended: () => isRunning(`${app}-${copy}`),
  restarts: (one) => one.startsWith(`${app}/${copy} `),
});

real("a container that is killed starts again", () =>
  watch().heals({
    act: () => void docker("kill", nameOf("signage-screen-1")),
    found: /^start screen-1$/,
    ...anew("signage", "screen-1"),
  }),
);

real("a container that is stopped starts again", () =>
  watch().heals({
    act: () => void docker("stop", "--time", "1", nameOf("robots-status-1")),
    found: /^start status-1$/,
    ...anew("robots", "status-1"),
  }),
);

real("a container that is removed is made again, and its neighbours stay", () =>
  watch().heals({
    act: () => void docker("rm", "--force", nameOf("robots-robot-2")),
    found: /^start robot-2$/,
    ...anew("robots", "robot-2"),
  }),
);

real("a restart policy that is changed under a container is put back, and nothing restarts", () => {
  const container = nameOf("signage-screen-1");
  const policy = (): string =>
    docker("inspect", "--format", "{{.HostConfig.RestartPolicy.Name}}", container);
  return watch().heals({
    act: () => void docker("update", "--restart", "no", container),
    isMended: () => policy() === "unless-stopped",
    found: /^start screen-1 \(screen-1: the restart policy is no instead of unless-stopped\)$/,
  });
});

real("a foreign container under the app's name is removed", async () => {
  const project = nameOf("robots");
  const ghost = `${project}-ghost-1`;
  const label = (name: string, value: string): string[] => [
    "--label",
    `com.docker.compose.${name}=${value}`,
  ];
  const labels = [
    ...label("project", project),
    ...label("service", "ghost"),
    ...label("container-number", "1"),
    ...label("oneoff", "False"),
  ];
  const how = ["--detach", "--name", ghost, "--network", "none"];
  await watch().heals({
    act: () => void docker("run", ...how, ...labels, image, "sleep", "600"),
    isMended: () => docker("ps", "--all", "--quiet", "--filter", `name=^${ghost}$`) === "",
    found: /^stop ghost-1$/,
  });
});

real("a network that is removed is made again, with the copies that were on it", async () => {
  const network = `${nameOf("signage")}_default`;
  const container = nameOf("signage-screen-1");
  const networks = (): string =>
    docker("inspect", "--format", "{{json .NetworkSettings.Networks}}", container);
  await watch().heals({
    act: () => {
      docker("network", "disconnect", "--force", network, container);
      docker("network", "rm", network);
    },
    isMended: () => isRunning("signage-screen-1") && networks().includes(network),
    found: /screen-1/,
    restarts: (one) => one.startsWith("signage/screen-1 "),
  });
});

real("a service that keeps drifting is damped and not fought, and says why", async () => {
  const container = nameOf("signage-screen-1");
  const since = await watch().mark();
  const others = async (): Promise<string[]> =>
    (await watch().copies()).filter((copy) => !copy.startsWith("signage/screen-1 "));
  const before = await others();
  let removals = 0;
  await fleet().until(
    "damping",
    async () => {
      if (isRunning("signage-screen-1")) {
        docker("rm", "--force", container);
        removals += 1;
      }
      const { apps } = await watch().status();
      const [cause] = apps.find(({ name }) => name === "signage")?.why ?? [];
      const isTold = cause?.reason === "RepairDamped";
      return isTold && /^screen drifted again soon after each of \d+ repairs/.test(cause.message);
    },
    120_000,
  );
  const [event, ...more] = (await watch().told("event", since)).filter(
    ({ reason }) => reason === "RepairDamped",
  );
  assert.match(
    event?.message ?? "",
    /^screen of signage was repaired \d+ times and drifts again: its repair waits longer each time$/,
  );
  assert.deepEqual(more, []);
  assert.ok(removals <= 10, `${removals} repairs before it was damped`);
  assert.deepEqual(await others(), before);
});
