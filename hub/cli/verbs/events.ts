// `fleet events`: what happened, newest first, or as it happens.
import type { Command } from "commander";
import type { EventView } from "#hub/api/event_view.ts";
import { type Client, type ListQuery, take } from "#hub/cli/api/client.ts";
import type { Cli, ConnectionOptions } from "#hub/cli/cli.ts";
import { argument, count, examples, outputOption, verbCommand } from "#hub/cli/options.ts";
import type { Output } from "#hub/cli/output/output.ts";
import { createPrinter, type Printer } from "#hub/cli/output/printer.ts";
import { events } from "#hub/cli/resources/history.ts";
import { deviceName } from "#hub/cli/resources/names.ts";
import { requireDevices } from "#hub/cli/resources/unknown.ts";
import { parseSince } from "#hub/cli/terminal/age.ts";

interface Options extends ConnectionOptions {
  output: Output;
  /** Unix ms. */
  since?: number;
  for?: string;
  type?: string;
  reason?: string;
  watch?: true;
  limit?: number;
  headers: boolean;
}

export function eventsVerb(cli: Cli): Command {
  const since = argument((text: string) => parseSince(text, cli.clock.now()));
  return verbCommand("events", "Show what happened, newest first, or as it happens.")
    .option("--for <device>", "events of one device", deviceName)
    .option(
      "--since <when>",
      "not older than 30m, 2d, or a time such as 2026-01-05T12:00:00Z",
      since,
    )
    .option("--type <type>", "Normal or Warning")
    .option("--reason <reason>", "one reason, such as UpdateFailed")
    .option("--limit <n>", "no more than n (default: 50, with --since all)", count)
    .option("-w, --watch", "print the last ones, oldest first, and go on")
    .option("--no-headers", "no line of titles")
    .addOption(outputOption())
    .addHelpText(
      "after",
      examples(
        ["fleet events --since 1h --type Warning", "what went wrong in the last hour"],
        ["fleet events --for pi-1 -w", "follow one device"],
        ["fleet events -o json --limit 1", "the newest event"],
      ),
    )
    .action((options: Options) => show(cli, options));
}

async function show(cli: Cli, options: Options): Promise<void> {
  const { output, headers, since, type, reason, limit } = options;
  const client = await cli.connect(options);
  if (options.for !== undefined) await requireDevices(client, [options.for]);
  const query: ListQuery = { device: options.for, type, reason };
  const printer = createPrinter({
    ...{ terminal: cli.terminal, output, headers },
    ...{ resource: events, now: cli.clock.now },
  });
  const most = limit ?? (since === undefined ? (options.watch ? 10 : 50) : Infinity);
  // Where no event fits yet, the stream begins behind the newest of all.
  const [newest] = options.watch === true ? await take(client.events({ limit: 1 }), 1) : [];
  const rows = await take(notOlder(client.events(query), since), most);
  cli.terminal.progress(undefined);
  if (options.watch !== true) return printer.list(rows);
  await printer.more(rows.toReversed());
  await follow(client, printer, query, rows[0]?.id ?? newest?.id ?? 0);
}

/** A device's clock can be wrong, so one old event among new ones ends nothing; this many do. */
const oldInARow = 500;

async function* notOlder(
  source: AsyncIterable<EventView>,
  since = -Infinity,
): AsyncGenerator<EventView> {
  let old = 0;
  for await (const event of source) {
    old = event.at < since ? old + 1 : 0;
    if (old === 0) yield event;
    if (old >= oldInARow) return;
  }
}

/** From the newest event that was printed on, so that none falls between list and stream. */
async function follow(
  client: Client,
  printer: Printer<EventView>,
  query: ListQuery,
  afterEvent: number,
): Promise<void> {
  const { device } = query;
  const from = {
    afterEvent,
    ...(device === undefined ? {} : { device: String(device) }),
  };
  for await (const message of client.watch(from, new AbortController().signal)) {
    const rows = events.changed?.(message) ?? [];
    await printer.more(rows.filter((row) => events.isWanted?.(row, query) ?? true));
  }
}
