// `fleet describe device`: everything about one device on one page.
import type { Command } from "commander";
import { type Client, take } from "#hub/cli/api/client.ts";
import type { Cli, ConnectionOptions } from "#hub/cli/cli.ts";
import { count, examples, outputOption, verbCommand } from "#hub/cli/options.ts";
import { type Output, printStructured } from "#hub/cli/output/output.ts";
import { unknownDevices } from "#hub/cli/resources/unknown.ts";
import { type DeviceHistory, writeDevice } from "#hub/cli/views/device_page.ts";
import { createPage } from "#hub/cli/views/page.ts";
import { devicesMeant } from "./device_kind.ts";

interface Options extends ConnectionOptions {
  output: Output;
  events: number;
  updates: number;
}

export function describeVerb(cli: Cli): Command {
  return verbCommand("describe", "Show all about one device on one page.")
    .argument("<kind>", "device")
    .argument("[name...]", "the devices' names")
    .option("--updates <n>", "how many of the last updates", count, 5)
    .option("--events <n>", "how many of the last events", count, 10)
    .addOption(outputOption())
    .addHelpText(
      "after",
      examples(
        ["fleet describe device pi-1", "status, why, apps, conditions, history"],
        ["fleet describe device pi-1 -o json", "the same for programs"],
      ),
    )
    .action((kind: string, names: string[], options: Options) =>
      describe(cli, kind, names, options),
    );
}

async function describe(cli: Cli, kind: string, names: string[], options: Options): Promise<void> {
  const devices = devicesMeant("describe", kind, names);
  const client = await cli.connect(options);
  for (const name of devices) {
    const history = await readHistory(client, name, options);
    if (await printStructured(cli.terminal, options.output, history)) continue;
    const times = options.output.kind === "wide" ? "rfc3339" : "age";
    writeDevice(createPage(cli.terminal), history, { now: cli.clock.now(), times });
  }
}

async function readHistory(
  client: Client,
  name: string,
  limits: { updates: number; events: number },
): Promise<DeviceHistory> {
  const device = await client.findDevice(name);
  if (device === undefined) throw await unknownDevices(client, [name]);
  const [updates, events] = await Promise.all([
    take(client.updates(name, { limit: Math.min(limits.updates, 100) }), limits.updates),
    take(client.events({ device: name, limit: Math.min(limits.events, 500) }), limits.events),
  ]);
  return { device, updates, events };
}
