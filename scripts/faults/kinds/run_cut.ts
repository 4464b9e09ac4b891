// SIGKILL to the agent at each step boundary of a run, a reboot among its steps: the run ends once all the same.
import { randomUUID } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Fault, Trial } from "#scripts/faults/fault.ts";
import type { StoredEntry } from "#scripts/faults/hub.ts";
import { createRandom } from "#scripts/faults/random.ts";
import { notSurvived, pause } from "#scripts/faults/until.ts";

const plan = "cut";
const kinds = ["drain", "script", "reboot", "waitForDevice", "installRelease", "verify"] as const;
const planFile = `apiVersion: metrica.fleet/v1
kind: Plan
steps:
  - kind: drain
  - kind: script
    app: \${APP}
    script: step.sh
  - kind: reboot
  - kind: waitForDevice
  - kind: installRelease
  - kind: verify
    stableSeconds: 1
parameters:
  APP: {}
`;

type Point = `${"before" | "after"}:run.${(typeof kinds)[number] | "begin" | "end"}`;

const points: readonly Point[] = createRandom(3).shuffle<Point>([
  ...kinds.flatMap((kind): Point[] => [`before:run.${kind}`, `after:run.${kind}`]),
  ...(["after:run.begin", "before:run.end", "after:run.end"] as const),
]);
const sampled = 3;
const runMs = 90_000;
const lookMs = 250;

/** Beside agent.yaml: the boot id of this world's machine, and the count of its reboots. */
const bootFile = "boot-id";
const rebootsFile = "reboots";

/** Another boot, in which the agent starts anew. It finds the place by the agent's own command line. */
const reboot = [
  `cd "$(dirname "$(tr '\\0' '\\n' < /proc/$PPID/cmdline | tail -1)")"`,
  `cat /proc/sys/kernel/random/uuid > ${bootFile}`,
  `echo >> ${rebootsFile}`,
  "kill -9 $PPID",
].join(" && ");

export const runCut: Fault = {
  name: "run-cut",
  says: "The agent is killed at a step boundary of a run: the run goes on where it was, ends once, and reboots once.",
  endsWorkload: true,
  world: {
    devices: 1,
    device: {
      role: { files: { "step.sh": "#!/bin/sh\necho done\n" } },
      agent: {
        lines: [
          "machine:",
          `  bootIdFile: ${bootFile}`,
          `  reboot: ${JSON.stringify(["sh", "-c", reboot])}`,
        ],
      },
    },
  },
  tries: ({ seeds, sample }) => (sample ? sampled : points.length * seeds),
  run: async (trial) => {
    const { device, seed, note, world } = trial;
    const point = points[(seed - 1) % points.length] ?? "before:run.script";
    note(point);
    const directory = dirname(device.agent.configFile);
    await device.agent.program.kill();
    await writeFile(join(directory, bootFile), `boot-of-try-${seed}\n`);
    await writeFile(join(directory, rebootsFile), "");
    await world.repository.commit({ [`plans/${plan}.yaml`]: planFile }, "a plan to be cut");
    await world.hub.poke();
    await device.agent.start({ faultPoint: point });
    await device.connected();
    const request = await ordered(trial);
    judge(await ended(trial, { request, directory, point }), await rebootCount(directory));
  },
};

/** @returns the request's own name */
async function ordered({ world, device, seed }: Trial): Promise<string> {
  const request = `${device.id}-${seed}-${randomUUID()}`.slice(0, 64);
  await world.hub.order("/v1/runs", {
    ...{ device: device.id, plan, request, reason: "It is cut." },
    parameters: { APP: device.id },
  });
  return request;
}

interface Wanted {
  request: string;
  directory: string;
  point: Point;
}

/** Starts the agent again each time that it is gone; armed until the point has struck.
 *  @returns the run's entries as the hub has them */
async function ended({ world, device }: Trial, wanted: Wanted): Promise<StoredEntry[]> {
  const { program } = device.agent;
  const giveUpAt = performance.now() + runMs;
  let reboots = 0;
  let hasStruck = false;
  while (performance.now() < giveUpAt) {
    if (!program.running()) {
      // A boundary kills, and so does the reboot.
      if (program.endedBy() !== "SIGKILL") throw notSurvived("the agent ended by itself");
      const now = await rebootCount(wanted.directory);
      hasStruck ||= now === reboots;
      reboots = now;
      await device.agent.start(hasStruck ? {} : { faultPoint: wanted.point });
    }
    const { items } = await world.hub.journal(device.id);
    const start = items.find(({ body }) => body["request"] === wanted.request);
    const own = items.filter(({ body }) => body["run"] === start?.body["run"]);
    if (hasStruck && own.some(({ kind }) => kind === "run.ended")) return own;
    await pause(lookMs);
  }
  const cut = hasStruck ? "after" : "without";
  throw notSurvived(`the run did not end within ${runMs / 1000} s ${cut} the cut`);
}

function judge(entries: readonly StoredEntry[], reboots: number): void {
  const times = (kind: StoredEntry["kind"], index?: number): number =>
    entries.filter((one) => one.kind === kind && one.body["index"] === index).length;
  const twice = kinds.filter(
    (_, at) => times("run.step.started", at) !== 1 || times("run.step.ended", at) !== 1,
  );
  const end = entries.find(({ kind }) => kind === "run.ended");
  const wrong = [
    ...(times("run.started") === 1 ? [] : ["it was not started once"]),
    ...(times("run.ended") === 1 ? [] : ["it did not end once"]),
    ...twice.map((kind) => `${kind} was not begun and ended once`),
    ...(reboots === 1 ? [] : [`the device was rebooted ${reboots} times`]),
    ...(end?.body["outcome"] === "succeeded"
      ? []
      : [`it ended as ${String(end?.body["outcome"])}`]),
  ];
  if (wrong.length > 0) throw notSurvived(`the run: ${wrong.join("; ")}`);
}

async function rebootCount(directory: string): Promise<number> {
  const text = await readFile(join(directory, rebootsFile), "utf8");
  return text.split("\n").length - 1;
}
