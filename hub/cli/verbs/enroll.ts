// `fleet enroll`: a single-use token for a new device, alone or in a ready agent.yaml.
import { type Command, Option } from "commander";
import type { TokenView } from "#hub/api/tokens.ts";
import type { Cli, ConnectionOptions } from "#hub/cli/cli.ts";
import { argument, durationOption, examples, outputOption, verbCommand } from "#hub/cli/options.ts";
import { type Output, printStructured } from "#hub/cli/output/output.ts";
import { baseOf } from "#hub/cli/session/target.ts";
import { rfc3339 } from "#hub/cli/terminal/age.ts";
import { FleetError } from "#shared/errors.ts";

interface Options extends ConnectionOptions {
  output: Output;
  agentYaml?: true;
  label: Record<string, string>;
  hubUrl?: string;
  /** Ms. */
  ttl: number;
}

export function enrollVerb(cli: Cli): Command {
  return verbCommand("enroll", "Make a single-use token, or a whole agent.yaml, for a new device.")
    .argument("[device]", "only this device may use it; needed for --agent-yaml")
    .addOption(durationOption("--ttl", "how long it is good, 1m to 24h", "24h"))
    .option("--agent-yaml", "print an agent.yaml with the token")
    .addOption(
      new Option("--label <key=value>", "a label in agent.yaml; may be given again")
        .argParser(labels)
        .default({}, "none"),
    )
    .option(
      "--hub-url <url>",
      "in agent.yaml: the hub's address as the device reaches it",
      argument(baseOf),
    )
    .addOption(outputOption())
    .addHelpText(
      "after",
      examples(
        ["fleet enroll pi-1", "the token"],
        ["fleet enroll pi-1 --agent-yaml --label site=north >agent.yaml", "for npm run agent"],
      ),
    )
    .action((device: string | undefined, options: Options) => enroll(cli, device, options));
}

function labels(text: string, before: Record<string, string>): Record<string, string> {
  const [, key, value] = /^([^=]+)=(.*)$/.exec(text) ?? [];
  if (key !== undefined && value !== undefined) return { ...before, [key]: value };
  throw new FleetError("request_invalid", {
    message: `"${text}" is not a label`,
    hint: "Write --label site=north.",
  });
}

async function enroll(cli: Cli, device: string | undefined, options: Options): Promise<void> {
  const { terminal } = cli;
  if (options.agentYaml === true && device === undefined) {
    throw new FleetError("request_invalid", {
      message: "an agent.yaml names its device",
      hint: "Write: fleet enroll DEVICE --agent-yaml",
    });
  }
  const isForFile = Object.keys(options.label).length > 0 || options.hubUrl !== undefined;
  if (isForFile && options.agentYaml !== true) {
    throw new FleetError("request_invalid", {
      message: "--label and --hub-url are written into an agent.yaml, and none is to be printed",
      hint: "Add --agent-yaml, or leave them out.",
    });
  }
  const client = await cli.connect(options);
  const made = await client.enrolmentToken({
    ttlSeconds: Math.round(options.ttl / 1000),
    ...(device === undefined ? {} : { device }),
  });
  if (options.agentYaml === true) await printAgentFile(cli, client.url, made, options);
  else if (!(await printStructured(terminal, options.output, made))) terminal.out(made.token);
  terminal.say(`Good for one enrolment until ${rfc3339(made.expiresAt)}.`);
}

async function printAgentFile(
  { terminal }: Cli,
  url: string,
  { device, token }: TokenView,
  { label, hubUrl }: Options,
): Promise<void> {
  const { stringify } = await import("yaml");
  const own = Object.keys(label).length === 0 ? {} : { labels: label };
  terminal.out(stringify({ device, ...own, hub: { url: hubUrl ?? url, token } }).trimEnd());
  if (hubUrl === undefined && /^(localhost|127\.|\[::1\])/.test(new URL(url).host)) {
    terminal.say(`${url} is this machine alone; another device needs --hub-url.`);
  }
}
