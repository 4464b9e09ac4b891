// Lists things of one kind, and follows their changes.
import { type Client, collect, type ListQuery, take } from "#hub/cli/api/client.ts";
import { insist } from "#hub/cli/api/insist.ts";
import type { Cli } from "#hub/cli/cli.ts";
import type { Output } from "#hub/cli/output/output.ts";
import { createPrinter } from "#hub/cli/output/printer.ts";
import type { Resource } from "#hub/cli/resources/resource.ts";
import { FleetError } from "#shared/errors.ts";

export interface Listing {
  names: readonly string[];
  query: ListQuery;
  output: Output;
  headers: boolean;
  limit?: number;
}

/** What was found is printed even where a name was not. */
export async function printList<T>(
  cli: Cli,
  client: Client,
  resource: Resource<T>,
  listing: Listing,
): Promise<void> {
  const printer = createPrinter({ ...cli, ...listing, resource, now: cli.clock.now });
  const rows: T[] = [];
  try {
    for await (const row of limited(resource.list(client, listing.query, listing.names), listing)) {
      rows.push(row);
    }
  } catch (error) {
    if (rows.length > 0) await printer.list(rows);
    throw error;
  } finally {
    cli.terminal.progress(undefined);
  }
  const isOne = resource.isUnique && listing.names.length === 1 && rows.length === 1;
  await printer.list(rows, isOne);
}

async function* limited<T>(source: AsyncIterable<T>, { limit }: Listing): AsyncGenerator<T> {
  if (limit === undefined) yield* source;
  else yield* await take(source, limit);
}

/** Prints the list and then each thing that changed, until the command is ended. After a break the
 *  list is read again, so that nothing is missed.
 *  @throws FleetError request_invalid where the hub's stream does not tell of this kind */
export async function followList<T>(
  cli: Cli,
  client: Client,
  resource: Resource<T>,
  listing: Listing,
): Promise<void> {
  const { changed } = resource;
  if (changed === undefined) throw notWatched(resource);
  const printer = createPrinter({ ...cli, ...listing, resource, now: cli.clock.now });
  const news = createNews(resource, listing);
  const list = (): Promise<T[]> =>
    collect(limited(resource.list(client, listing.query, listing.names), listing));
  const { labelSelector } = listing.query;
  const query = labelSelector === undefined ? {} : { labelSelector: String(labelSelector) };
  const { signal } = new AbortController();
  for await (const message of client.watch(query, signal)) {
    const isWhole = message.event === "ready" || message.event === "resync";
    const listed = isWhole ? await insist(cli, signal, list) : undefined;
    cli.terminal.progress(undefined);
    await printer.more(news.of(listed ?? changed(message), isWhole));
  }
}

function notWatched({ kind }: { kind: string }): FleetError {
  return new FleetError("request_invalid", {
    message: `the hub's stream does not tell of ${kind}s`,
    hint: "--watch works for devices, apps and events; `fleet watch` shows all changes.",
  });
}

/** Which rows differ from what was printed of the same name. */
function createNews<T>(resource: Resource<T>, { names, query }: Listing) {
  const printed = new Map<string, string>();
  const isNamed = (row: T): boolean => {
    const own = resource.nameOf(row);
    return names.length === 0 || names.includes(own) || names.includes(own.split("/")[1] ?? "");
  };
  return {
    /** @param isListed rows of a list, which was filtered already */
    of: (rows: readonly T[], isListed: boolean): T[] =>
      rows.filter((row) => {
        const name = resource.nameOf(row);
        const text = JSON.stringify(row);
        const before = printed.get(name);
        const isWanted = isListed || (isNamed(row) && (resource.isWanted?.(row, query) ?? true));
        // What leaves the filter is told once more: that is news too.
        if (!isWanted) return printed.delete(name);
        printed.set(name, text);
        return before !== text;
      }),
  };
}
