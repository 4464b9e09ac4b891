// `fleet logs`: what the services of a device, its agent or a run say, as it is or as it comes.
import { type Command, Option } from "commander";
import type { LogMessage } from "#hub/cli/api/logs.ts";
import type { Cli, ConnectionOptions } from "#hub/cli/cli.ts";
import { exitCodes } from "#hub/cli/exit.ts";
import { argument, examples, verbCommand } from "#hub/cli/options.ts";
import { jsonLine } from "#hub/cli/output/output.ts";
import { unknownDevices } from "#hub/cli/resources/unknown.ts";
import { parseSince } from "#hub/cli/terminal/age.ts";
import { printable } from "#hub/cli/terminal/text.ts";
import { logLine } from "#hub/cli/views/log.ts";
import { FleetError } from "#shared/errors.ts";
import { maxTailLines } from "#shared/stream.ts";

interface Options extends ConnectionOptions {
  follow?: true;
  /** Unix ms. */
  since?: number;
  tail?: number;
  agent?: true;
  events?: true;
  prefix?: true;
  timestamps?: true;
  output: "text" | "json";
}

interface Target {
  path: string;
  query: Record<string, string | undefined>;
  /** Several may speak. */
  isMany: boolean;
  /** Absent for a run. */
  device?: string;
}

const usualTail = 100;
/** The hub may have to ask the device first. */
const openMs = 15_000;

const notes = `
Lines come from the device over its own connection; it must be online, with MQTT. A reader that is
slow slows the device's reader down and loses nothing. What had to be left out, and why a log ended,
is said on stderr. With -f a log that is lost comes back by itself, without repeating or leaving out
what the device still has. Ends with Ctrl-C. Exit code 3: the device or the hub is not reached, or
was lost; 5: the device has no such app or service; 8: it could not go on.
`;

export function logsVerb(cli: Cli): Command {
  const since = argument((text: string) => parseSince(text, cli.clock.now()));
  return verbCommand("logs", "Show what services, the agent or a run say, or follow it.")
    .argument("<target>", "a device's name, run/ID, or events (of the whole fleet)")
    .argument("[where]", "of a device: APP or APP/SERVICE (default: all services)")
    .option("-f, --follow", "go on with what is said from now on")
    .option(
      "--since <when>",
      "not older than 30m, 2d, or a time such as 2026-01-05T12:00:00Z",
      since,
    )
    .option(
      "--tail <n>",
      `lines from before (default: ${usualTail}, at most ${maxTailLines})`,
      tail,
    )
    .option("--agent", "the agent's own log")
    .option("--events", "what the device itself has recorded")
    .option("--prefix", "say who speaks, though only one service was asked for")
    .option("--timestamps", "the device's time before each line")
    .addOption(
      new Option("-o, --output <form>", "text, or one JSON object per line")
        .choices(["text", "json"])
        .default("text"),
    )
    .addHelpText(
      "after",
      `${notes}${examples(
        ["fleet logs pi-1 shop/web -f", "follow one service"],
        ["fleet logs pi-1 --since 10m", "all services of ten minutes"],
        ["fleet logs pi-1 --agent -f", "the agent itself"],
        ["fleet logs run/4711 -f", "a run, to its end"],
        ["fleet logs events -f", "the fleet's events"],
      )}`,
    )
    .action((target: string, where: string | undefined, options: Options) =>
      show(cli, target, where, options),
    );
}

const tail = argument((text) => {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0 && value <= maxTailLines) return value;
  throw new FleetError("request_invalid", {
    message: `"${text}" is not a whole number from 0 to ${maxTailLines}`,
  });
});

async function show(
  cli: Cli,
  name: string,
  where: string | undefined,
  options: Options,
): Promise<void> {
  if (name === "events" && where === undefined) return showEvents(cli, options);
  const target = targetOf(name, where, options);
  const client = await cli.connect(options);
  if (target.device !== undefined && (await client.findDevice(target.device)) === undefined) {
    throw await unknownDevices(client, [target.device]);
  }
  const query = {
    ...target.query,
    since: options.since,
    tail: options.tail ?? usualTail,
  };
  const form = {
    prefix: options.prefix === true || target.isMany,
    timestamps: options.timestamps === true,
  };
  const isFollowed = options.follow === true;
  const messages = isFollowed
    ? client.followLogs(target.path, query, openMs)
    : client.logs(target.path, query, openMs);
  for await (const message of messages) {
    if (message.event === "caughtUp") continue;
    if (options.output === "json") cli.terminal.out(jsonLine(message));
    else if (message.event === "line") {
      cli.terminal.out(logLine(cli.terminal, message.data, form));
    } else tell(cli, message);
    if (message.event === "end") cli.end(exitOf(message.data));
  }
}

/** @throws FleetError request_invalid */
function targetOf(name: string, where: string | undefined, { agent, events }: Options): Target {
  const [, kind, own] = /^(device|run)s?\/(.+)$/.exec(name) ?? [];
  const [app, service, ...rest] = where?.split("/") ?? [];
  const wishes = [where !== undefined, agent === true, events === true].filter(Boolean);
  if (rest.length > 0 || app === "" || service === "" || wishes.length > 1) {
    throw new FleetError("request_invalid", {
      message: "a log is of APP or APP/SERVICE, or of --agent, or of --events",
      hint: "For example: fleet logs pi-1 shop/web -f",
    });
  }
  if (kind === "run") {
    const path = `/v1/runs/${encodeURIComponent(own ?? "")}/log`;
    return { path, query: {}, isMany: false };
  }
  const device = own ?? name;
  const source = agent === true ? "agent" : events === true ? "events" : undefined;
  return {
    path: `/v1/devices/${encodeURIComponent(device)}/logs`,
    query: { source, app, service },
    isMany: service === undefined && source !== "agent",
    device,
  };
}

/** The hub's events have a verb of their own, which knows how to follow them over broken connections. */
async function showEvents(
  cli: Cli,
  { follow, since, tail: limit, output }: Options,
): Promise<void> {
  const { eventsVerb } = await import("./events.ts");
  const words = [
    ...(follow === true ? ["--watch"] : []),
    ...(since === undefined ? [] : ["--since", new Date(since).toISOString()]),
    ...(limit === undefined || limit === 0 ? [] : ["--limit", String(limit)]),
    ...(output === "json" ? ["--output", "json"] : []),
  ];
  await eventsVerb(cli).parseAsync(words, { from: "user" });
}

function tell({ terminal }: Cli, message: Extract<LogMessage, { event: "dropped" | "end" }>): void {
  if (message.event === "dropped") {
    terminal.say(
      `-- ${message.data.bytes} bytes were lost here: they came faster than they were read`,
    );
    return;
  }
  const { reason, message: sentence, hint } = message.data;
  if (reason === "complete") return;
  terminal.say(`-- ${printable(sentence)}`);
  if (hint !== undefined) terminal.say(printable(hint));
}

function exitOf({ reason, code }: Extract<LogMessage, { event: "end" }>["data"]): number {
  if (reason === "lost" || reason === "abandoned") return exitCodes.unreachable;
  if (reason !== "failed" && reason !== "refused") return exitCodes.done;
  // Such as an app that the device does not have.
  return code === "not_found" ? exitCodes.unknown : exitCodes.failed;
}
