// `fleet diff`: what a device has against what it should have, with an exit code for scripts.
import type { Command } from "commander";
import type { Cli, ConnectionOptions } from "#hub/cli/cli.ts";
import { exitCodes } from "#hub/cli/exit.ts";
import { examples, outputOption, verbCommand } from "#hub/cli/options.ts";
import { type Output, printStructured } from "#hub/cli/output/output.ts";
import { when } from "#hub/cli/resources/resource.ts";
import { unknownDevices } from "#hub/cli/resources/unknown.ts";
import { printable } from "#hub/cli/terminal/text.ts";
import { type Difference, differences } from "#hub/cli/views/difference.ts";
import { devicesMeant } from "./device_kind.ts";

interface Options extends ConnectionOptions {
  output: Output;
}

export function diffVerb(cli: Cli): Command {
  return verbCommand("diff", "Compare what a device has with what it should have.")
    .argument("<kind>", "device")
    .argument("[name]", "the device's name")
    .addOption(outputOption())
    .addHelpText(
      "after",
      `\nExit codes: 0 the same, 1 they differ, above 1 an error.\n${examples(
        ["fleet diff device pi-1", "lines with - are reported, lines with + desired"],
        ["fleet diff device pi-1 >/dev/null || echo behind", "in a script"],
      )}`,
    )
    .action((kind: string, name: string | undefined, options: Options) => {
      const [device = ""] = devicesMeant("diff", kind, name === undefined ? [] : [name]);
      return diff(cli, device, options);
    });
}

async function diff(cli: Cli, name: string, { output, ...options }: Options) {
  const { terminal } = cli;
  const client = await cli.connect(options);
  const device = await client.findDevice(name);
  if (device === undefined) throw await unknownDevices(client, [name]);
  const found = differences(device);
  cli.end(found.length === 0 ? exitCodes.done : exitCodes.partly);
  const value = { device: device.id, same: found.length === 0, differences: found };
  if (await printStructured(terminal, output, value)) return;
  const seen = when(device.lastSeenAt, { now: cli.clock.now(), times: "age" }) || "never";
  if (device.connection !== "Online") {
    terminal.say(`${device.id} is ${device.connection}; last seen: ${seen}.`);
  }
  if (found.length === 0) return terminal.say(`${device.id} has what it should have.`);
  terminal.out(`--- ${device.id} reported`);
  terminal.out(`+++ ${device.id} desired`);
  for (const difference of found) printDifference(cli, difference);
}

function printDifference({ terminal }: Cli, { field, desired, reported, why }: Difference): void {
  const { out, paint } = terminal;
  if (reported !== null) out(paint(printable(`-${field}: ${reported}`), "bad"));
  if (desired !== null) out(paint(printable(`+${field}: ${desired}`), "good"));
  if (why !== undefined) out(paint(printable(` # ${why}`), "dim"));
}
