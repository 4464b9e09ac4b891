// `fleet import`: makes devices known from an inventory file.
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { text as readAll } from "node:stream/consumers";
import { type Command, Option } from "commander";
import type { Cli, ConnectionOptions } from "#hub/cli/cli.ts";
import { examples, outputOption, verbCommand } from "#hub/cli/options.ts";
import type { Output } from "#hub/cli/output/output.ts";
import { createPrinter } from "#hub/cli/output/printer.ts";
import { phases } from "#hub/cli/resources/runs.ts";
import { FleetError } from "#shared/errors.ts";

interface Options extends ConnectionOptions {
  output: Output;
  format?: "csv" | "yaml";
  dryRun?: true;
}

export function importVerb(cli: Cli): Command {
  return verbCommand("import", "Make devices known from an inventory file, before they enrol.")
    .argument("<file>", "CSV, YAML or JSON; -: from stdin")
    .addOption(
      new Option("--format <format>", "default: by the file's name").choices(["csv", "yaml"]),
    )
    .option("--dry-run", "only check the file and show what would come of it")
    .addOption(outputOption())
    .addHelpText("after", help)
    .action((file: string, options: Options) => importFile(cli, file, options));
}

const help = `
CSV has a header: id, and any of serial, mac, model, note and labels.KEY. YAML and JSON have
apiVersion: metrica.fleet/v1, kind: Inventory, and devices with the same fields and labels. It is
all or nothing.
${examples(
  ["fleet import shelf.csv --dry-run", "check it"],
  [
    "fleet import shelf.csv && fleet repave -l site=north --reason new --yes",
    "for their first start",
  ],
)}`;

async function importFile(cli: Cli, file: string, options: Options): Promise<void> {
  const text = file === "-" ? await readAll(process.stdin) : await read(file);
  const format = options.format ?? (/\.csv$/i.test(file) ? "csv" : "yaml");
  const client = await cli.connect(options);
  const isTrial = options.dryRun === true;
  const name = file === "-" ? "stdin" : basename(file);
  const devices = await client.runs.importFile({ name, text, format, isTrial });
  const { output } = options;
  const printer = createPrinter({
    ...cli,
    output,
    headers: true,
    resource: phases,
    now: cli.clock.now,
  });
  await printer.list(devices);
  if (isTrial) cli.terminal.say("Nothing was imported.");
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new FleetError("request_invalid", {
      message: `${file} cannot be read`,
      hint: "Check its name, and that you may read it.",
      subject: file,
      cause,
    });
  }
}
