// What can stand at the place where a person pressed the tab key.
import type { Command } from "commander";
import { collect } from "#hub/cli/api/client.ts";
import type { Cli } from "#hub/cli/cli.ts";
import { kindNames } from "#hub/cli/resources/kinds.ts";
import { topics } from "#hub/cli/topics.ts";

/** A shell waits for this: a hub that is slow or away gives no names, and no words either. */
const patienceMs = 2000;

/** Prints one candidate per line.
 *  @param words of the command line after `fleet`; the last one is the one to complete */
export async function printCandidates(cli: Cli, words: readonly string[]): Promise<void> {
  const begun = words.at(-1) ?? "";
  const found = await candidates(cli, words.slice(0, -1), begun).catch(() => []);
  const fitting = [...new Set(found)].filter((word) => word.startsWith(begun)).sort();
  if (fitting.length > 0) cli.terminal.out(fitting.join("\n"));
}

async function candidates(cli: Cli, before: readonly string[], begun: string): Promise<string[]> {
  const [name, ...rest] = before.filter((word) => !word.startsWith("-"));
  const { verbs } = cli;
  if (name === undefined) return Object.keys(verbs);
  const entry = Object.hasOwn(verbs, name) ? verbs[name] : undefined;
  if (entry === undefined) return [];
  const whole = (await entry.load())(cli);
  const verb = whole.commands.find((child) => child.name() === rest[0]) ?? whole;
  if (begun.startsWith("-")) return flagsOf(verb);
  const fixed = name === "help" ? helpWords(cli) : fixedWords(name, whole, rest);
  if (fixed !== undefined) return fixed;
  return takesNames(verb) ? namesOf(cli, kindOf(name, rest)) : [];
}

type Named = "devices" | "deployments" | "sites" | "plans" | "contexts" | "nothing";

/** What the names are names of; most verbs take devices. */
function kindOf(name: string, [first = ""]: readonly string[]): Named {
  if (name === "rollout" || name === "pin") return "deployments";
  if (name === "contexts" || name === "plans") return name;
  if (name === "run" && first === "") return "plans";
  if (name === "logs" && first !== "") return "nothing";
  if (name !== "get" && name !== "history") return "devices";
  const kind = first.replace(/s?$/, "s");
  if (["devices", "events", "updates"].includes(kind)) return "devices";
  return kind === "deployments" || kind === "sites" ? kind : "nothing";
}

async function namesOf(cli: Cli, kind: Named): Promise<string[]> {
  if (kind === "nothing") return [];
  if (kind === "contexts") {
    const { createContextFile } = await import("#hub/cli/session/contexts.ts");
    return Object.keys((await createContextFile(cli.env).read()).contexts);
  }
  const client = await cli.connect({ requestTimeout: patienceMs });
  switch (kind) {
    case "devices":
      return (await collect(client.devices())).map(({ id }) => id);
    case "deployments":
      return (await collect(client.deployments())).map(({ name }) => name);
    case "sites":
      return (await collect(client.sites())).map(({ site }) => site);
    case "plans":
      return (await client.runs.plans()).map(({ name }) => name);
  }
}

function flagsOf(verb: Command): string[] {
  return [...verb.options.map(({ long }) => long ?? ""), "--help"].filter(Boolean);
}

const firstWords: Record<string, string[]> = {
  get: kindNames,
  describe: ["device"],
  diff: ["device"],
  history: ["device", "deployment"],
  completion: ["bash", "zsh", "fish"],
};

function helpWords({ verbs }: Cli): string[] {
  return [...Object.keys(verbs), ...Object.keys(topics)];
}

/** Undefined where a name comes. */
function fixedWords(name: string, verb: Command, rest: readonly string[]): string[] | undefined {
  if (rest.length > 0) return undefined;
  if (verb.commands.length > 0) return verb.commands.map((child) => child.name());
  return firstWords[name];
}

function takesNames(verb: Command): boolean {
  return verb.registeredArguments.some((argument) =>
    /name|device|target|plan|deployment/.test(argument.name()),
  );
}
