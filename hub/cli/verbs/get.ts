// `fleet get`: lists things of one kind, or shows the named ones.
import type { Command } from "commander";
import type { ListQuery } from "#hub/cli/api/client.ts";
import type { Cli, ConnectionOptions } from "#hub/cli/cli.ts";
import { count, examples, outputOption, selectorOption, verbCommand } from "#hub/cli/options.ts";
import type { Output } from "#hub/cli/output/output.ts";
import { kindNames, withKind } from "#hub/cli/resources/kinds.ts";
import type { Resource } from "#hub/cli/resources/resource.ts";
import { FleetError } from "#shared/errors.ts";
import { followList, type Listing, printList } from "./listing.ts";

interface Options extends ConnectionOptions {
  output: Output;
  selector?: string;
  fieldSelector?: string;
  sortBy?: string;
  desc?: true;
  watch?: true;
  limit?: number;
  headers: boolean;
}

export function getVerb(cli: Cli): Command {
  return verbCommand("get", "List things of one kind, or show the named ones.")
    .argument("<kind>", kindNames.join(", "))
    .argument("[name...]", "only these; for events and updates: names of devices")
    .addOption(outputOption())
    .addOption(selectorOption())
    .option("--field-selector <fields>", "by field, on the hub: sync=OutOfSync,health=Degraded")
    .option("--sort-by <field>", "devices and apps: id (default) or lastSeen; the hub sorts")
    .option("--desc", "sort downwards")
    .option("-w, --watch", "go on and print what changes: devices, apps, events")
    .option("--limit <n>", "no more than n", count)
    .option("--no-headers", "no line of titles")
    .addHelpText("after", help)
    .action(async (kind: string, names: string[], options: Options) =>
      withKind(kindOf(kind), (resource) =>
        get(cli, resource, namesOf(resource, kind, names), options),
      ),
    );
}

const help = `
Fields: devices and apps by connection, sync, health; releases by role; events by device, type,
reason; updates by app.
${examples(
  ["fleet get devices", "all devices"],
  ["fleet get devices -l site=north -o wide", "one site, with labels"],
  ["fleet get devices --field-selector health=Degraded -o name", "for scripts"],
  ["fleet get device pi-1 -o jsonpath='{.apps[*].name}'", "one field of one device"],
  ["fleet get apps -w", "changes as they happen"],
  ["fleet get updates pi-1", "the updates of a device"],
)}`;

/** `-o name` writes `device/pi-1`, and that may be given back. */
function kindOf(word: string): string {
  return word.split("/")[0] ?? word;
}

function namesOf<T>({ kind }: Resource<T>, word: string, names: readonly string[]): string[] {
  const slash = word.indexOf("/");
  const given = slash < 0 ? names : [word.slice(slash + 1), ...names];
  return given.map((name) => (name.startsWith(`${kind}/`) ? name.slice(kind.length + 1) : name));
}

async function get<T>(
  cli: Cli,
  resource: Resource<T>,
  names: readonly string[],
  options: Options,
): Promise<void> {
  const listing: Listing = {
    names,
    query: queryOf(resource, names, options),
    output: options.output,
    headers: options.headers,
    ...(options.limit === undefined ? {} : { limit: options.limit }),
  };
  const client = await cli.connect(options);
  await (options.watch === true ? followList : printList)(cli, client, resource, listing);
}

function queryOf<T>(resource: Resource<T>, names: readonly string[], options: Options): ListQuery {
  const { selector, sortBy, desc, limit } = options;
  const isFiltered = selector !== undefined || options.fieldSelector !== undefined;
  if (resource.isOneByOne === true && names.length > 0 && isFiltered) {
    throw refused(
      `${resource.kind}s are meant by their names, or by -l and --field-selector, and not by both`,
      "Leave the names or the filters out.",
    );
  }
  if (selector !== undefined && !resource.takesSelector) {
    throw refused(`${resource.kind}s have no labels`, "Leave -l out.");
  }
  if (sortBy !== undefined && !resource.sorts.includes(sortBy)) {
    const way = resource.sorts.length === 0 ? "only one order" : resource.sorts.join(", ");
    throw refused(`${resource.kind}s are not sorted by "${sortBy}"`, `The hub knows ${way}.`);
  }
  if (desc === true && resource.sorts.length === 0) {
    throw refused(`${resource.kind}s have only one order`, "Leave --desc out.");
  }
  return {
    ...fieldsOf(resource, options.fieldSelector),
    ...(selector === undefined ? {} : { labelSelector: selector }),
    ...(sortBy === undefined ? {} : { sort: sortBy }),
    ...(desc === undefined ? {} : { order: "desc" }),
    ...(limit === undefined || limit > 100 ? {} : { limit }),
  };
}

function fieldsOf<T>(resource: Resource<T>, text: string | undefined): ListQuery {
  if (text === undefined) return {};
  return Object.fromEntries(
    text.split(",").map((term) => {
      const [, field = "", value = ""] = /^\s*([A-Za-z]+)==?(.+?)\s*$/.exec(term) ?? [];
      if (resource.fields.includes(field)) return [field, value];
      const known = resource.fields.length === 0 ? "none" : resource.fields.join(", ");
      throw refused(
        `"${term.trim()}" is not a filter of ${resource.kind}s`,
        `Write FIELD=VALUE; fields of ${resource.kind}s: ${known}.`,
      );
    }),
  );
}

function refused(message: string, hint: string): FleetError {
  return new FleetError("request_invalid", { message, hint });
}
