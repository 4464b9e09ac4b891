// `fleet history`: the updates of a device, or the releases of a deployment and who runs them.
import type { Command } from "commander";
import type { DeploymentView } from "#hub/api/deployments.ts";
import { type Client, take } from "#hub/cli/api/client.ts";
import type { Cli, ConnectionOptions } from "#hub/cli/cli.ts";
import { count, examples, outputOption, verbCommand } from "#hub/cli/options.ts";
import type { Output } from "#hub/cli/output/output.ts";
import { createPrinter } from "#hub/cli/output/printer.ts";
import { updates } from "#hub/cli/resources/history.ts";
import { deviceName } from "#hub/cli/resources/names.ts";
import { type Resource, shortId, when } from "#hub/cli/resources/resource.ts";
import { deploymentNamed, requireDevices } from "#hub/cli/resources/unknown.ts";
import type { ReleaseRow } from "#hub/store/port.ts";
import { FleetError } from "#shared/errors.ts";
import { isDeviceKind } from "./device_kind.ts";

interface Options extends ConnectionOptions {
  output: Output;
  app?: string;
  limit: number;
}

export function historyVerb(cli: Cli): Command {
  return verbCommand("history", "Show the updates of a device or the releases of a deployment.")
    .argument("<kind>", "device or deployment")
    .argument("[name]", "of the device or the deployment")
    .option("--app <app>", "of a device: updates of one app")
    .option("--limit <n>", "no more than n", count, 20)
    .addOption(outputOption())
    .addHelpText(
      "after",
      examples(
        ["fleet history device pi-1 -o wide", "updates with their steps"],
        ["fleet history deployment player", "releases, and how many devices run each"],
      ),
    )
    .action((word: string, given: string | undefined, options: Options) => {
      const { kind, name } = meant(word, given);
      return (kind === "device" ? ofDevice : ofDeployment)(cli, name, options);
    });
}

/** `device NAME`, or `device/NAME` as `-o name` writes it.
 *  @throws FleetError request_invalid */
function meant(word: string, given: string | undefined) {
  const [first = "", own] = word.split("/");
  const name = own ?? given;
  const kind = isDeviceKind(first) ? "device" : isDeploymentKind(first) ? "deployment" : undefined;
  if (kind !== undefined && name !== undefined) return { kind, name: deviceName(name) };
  throw new FleetError("request_invalid", {
    message: kind === undefined ? `"${first}" has no history here` : `which ${kind}?`,
    hint: "Write: fleet history device NAME, or fleet history deployment NAME.",
  });
}

function isDeploymentKind(word: string): boolean {
  return ["deployment", "deployments", "deploy"].includes(word);
}

async function ofDevice(cli: Cli, name: string, options: Options): Promise<void> {
  const { output, limit, app } = options;
  const client = await cli.connect(options);
  await requireDevices(client, [name]);
  const rows = await take(client.updates(name, { app, limit: Math.min(limit, 100) }), limit);
  await printerFor(cli, output, updates).list(rows.map((row) => ({ device: name, ...row })));
}

function printerFor<T>({ terminal, clock }: Cli, output: Output, resource: Resource<T>) {
  return createPrinter({ terminal, output, resource, now: clock.now, headers: true });
}

async function ofDeployment(cli: Cli, name: string, options: Options): Promise<void> {
  const client = await cli.connect(options);
  const deployment = await deploymentNamed(client, name);
  const rows = await releasesOf(client, deployment, options.limit);
  cli.terminal.progress(undefined);
  await printerFor(cli, options.output, deploymentHistory).list(rows);
}

type HistoryRow = ReleaseRow & {
  /** Whether the newest accepted commit of the branch names it. */
  wanted: boolean;
  /** Devices on which the deployment runs it. */
  devices: number;
};

/** The hub keeps releases by role: those that the deployment's branch had. */
async function releasesOf(
  client: Client,
  { name, role, branch, digest, labelSelector }: DeploymentView,
  limit: number,
): Promise<HistoryRow[]> {
  const counts = new Map<string, number>();
  for await (const { apps } of client.devices({ labelSelector })) {
    const running = apps.find((app) => app.name === name)?.current?.digest;
    if (running !== undefined) counts.set(running, (counts.get(running) ?? 0) + 1);
  }
  const rows: HistoryRow[] = [];
  for await (const release of client.releases({ role })) {
    const commits = release.commits.filter((commit) => commit.branch === branch);
    const devices = counts.get(release.digest) ?? 0;
    if (commits.length === 0 && devices === 0) continue;
    rows.push({ ...release, commits, wanted: release.digest === digest, devices });
    if (rows.length >= limit) break;
  }
  return rows;
}

const deploymentHistory: Resource<HistoryRow> = {
  kind: "release",
  isUnique: true,
  fields: [],
  sorts: [],
  takesSelector: false,
  columns: (view) => [
    { title: "RELEASE", text: ({ digest }) => digest.slice(0, 12) },
    { title: "COMMIT", text: ({ commits }) => shortId(commits[0]?.commit) },
    { title: "AUTHOR", text: ({ commits }) => commits[0]?.author ?? "", atLeast: 8 },
    { title: "SUBJECT", text: ({ commits }) => commits[0]?.subject ?? "", atLeast: 16 },
    {
      title: view.times === "age" ? "AGE" : "COMMITTED",
      text: ({ commits, createdAt }) => when(commits[0]?.committedAt ?? createdAt, view),
    },
    { title: "DEVICES", text: ({ devices }) => String(devices) },
    { title: "WANTED", text: ({ wanted }) => (wanted ? "yes" : "") },
  ],
  nameOf: ({ digest }) => digest,
  list: (client, query) => withoutDevices(client.releases(query)),
};

async function* withoutDevices(all: AsyncIterable<ReleaseRow>): AsyncGenerator<HistoryRow> {
  for await (const release of all) yield { ...release, wanted: false, devices: 0 };
}
