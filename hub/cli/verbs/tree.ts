// `fleet tree`: the fleet as a tree of sites, devices, apps and services with their status.
import { type Command, Option } from "commander";
import type { DeviceSummary } from "#hub/api/device_view.ts";
import { type Client, collect } from "#hub/cli/api/client.ts";
import { inTurns } from "#hub/cli/api/turns.ts";
import type { Cli, ConnectionOptions } from "#hub/cli/cli.ts";
import { examples, selectorOption, verbCommand } from "#hub/cli/options.ts";
import { fit } from "#hub/cli/terminal/text.ts";
import { type Depth, depths, treeOf } from "#hub/cli/views/tree.ts";
import type { ServiceReport } from "#shared/reported.ts";

interface Options extends ConnectionOptions {
  selector?: string;
  depth?: Depth;
}

/** Services are read device by device: more devices than this show their apps alone, unless asked. */
const mostWithServices = 100;

export function treeVerb(cli: Cli): Command {
  return verbCommand("tree", "Show the fleet as a tree of sites, devices, apps and services.")
    .addOption(selectorOption())
    .addOption(
      new Option("--depth <level>", "how deep (default: service, in large fleets app)").choices([
        ...depths,
      ]),
    )
    .addHelpText(
      "after",
      examples(
        ["fleet tree", "everything"],
        ["fleet tree -l site=north --depth app", "one site without services"],
      ),
    )
    .action((options: Options) => tree(cli, options));
}

async function tree(cli: Cli, options: Options): Promise<void> {
  const { terminal } = cli;
  const client = await cli.connect(options);
  const query = options.selector === undefined ? {} : { labelSelector: options.selector };
  const devices = await collect(client.devices(query));
  const depth = options.depth ?? (devices.length > mostWithServices ? "app" : "service");
  const services = depth === "service" ? await servicesOf(cli, client, devices) : new Map();
  terminal.progress(undefined);
  for (const { text, tone, branch } of treeOf(devices, services, depth)) {
    const room = terminal.width === undefined ? Infinity : terminal.width - branch.length;
    terminal.out(terminal.paint(branch, "dim") + terminal.paint(fit(text, room), tone));
  }
  if (options.depth === undefined && depth === "app") {
    terminal.say(
      `${devices.length} devices: services are left out; see them with --depth service.`,
    );
  }
}

async function servicesOf(
  { terminal }: Cli,
  client: Client,
  devices: readonly DeviceSummary[],
): Promise<Map<string, ServiceReport[]>> {
  let read = 0;
  const found = await inTurns(devices, async ({ id }) => {
    const device = await client.findDevice(id);
    read += 1;
    terminal.progress(`Reading … ${read} of ${devices.length}`);
    return (device?.reported?.apps ?? []).map(({ name, services }): [string, ServiceReport[]] => [
      `${id}/${name}`,
      services,
    ]);
  });
  return new Map(found.flat());
}
