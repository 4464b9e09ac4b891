import * as assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import type { Cli } from "#hub/cli/cli.ts";
import { ready } from "#hub/cli/commands.ts";
import { createProgram } from "#hub/cli/program.ts";
import { verbs } from "#hub/cli/verbs.ts";
import { systemClock as clock } from "#shared/clock.ts";
import { suite } from "#test/suite.ts";

const test = suite("fleet: help");
const widest = 100;

const plain = (text: string): string => text;
const cli: Cli = {
  ...{ env: {}, clock, verbs },
  terminal: {
    ...{ out: assert.fail, say: assert.fail, progress: assert.fail },
    ...{
      isInteractive: false,
      canAsk: false,
      width: undefined,
      height: undefined,
      paint: plain,
      paintWords: plain,
    },
  },
  connect: () => assert.fail("help asks no hub"),
  end: () => assert.fail("help ends by itself"),
};

/** As `--help` prints it. */
function helpOf(command: Command): string {
  let help = "";
  command.configureOutput({
    writeOut: (text) => {
      help += text;
    },
  });
  command.outputHelp();
  return help;
}

interface Explained {
  /** Without `fleet`. */
  name: string;
  command: Command;
  help: string;
}

async function everyCommand(): Promise<Explained[]> {
  const all: Explained[] = [];
  for (const [name, { load }] of Object.entries(verbs)) {
    const command = ready((await load())(cli), cli, `fleet ${name}`);
    all.push({ name, command, help: helpOf(command) });
    for (const child of command.commands) {
      all.push({ name: `${name} ${child.name()}`, command: child, help: helpOf(child) });
    }
  }
  return all;
}

let all: Explained[] = [];
test.before(async () => {
  all = await everyCommand();
});

test("the list of verbs has each of them with its line, and fits the page", () => {
  const help = helpOf(createProgram(cli));
  for (const [name, { summary }] of Object.entries(verbs)) {
    assert.ok(help.includes(`  ${name.padEnd(10)}  ${summary}\n`), name);
  }
  assert.ok(!help.includes("__complete"));
  for (const line of help.split("\n")) assert.ok(line.length <= widest, line);
});

test("every verb says what it does and what each word and option means", () => {
  assert.ok(all.length > Object.keys(verbs).length);
  for (const { name, command, help } of all) {
    assert.match(command.description(), /^[A-Z].*\.$/, name);
    for (const word of command.registeredArguments) assert.ok(word.description, name);
    for (const option of command.options) assert.ok(option.description, `${name} ${option.flags}`);
    for (const line of help.split("\n")) assert.ok(line.length <= widest, `${name}: ${line}`);
  }
});

test("every verb has an example of itself", () => {
  for (const { name, help } of all) {
    const [, examples = ""] = help.split("\nExamples:\n");
    assert.match(examples, new RegExp(`\\bfleet ${name}\\b`), name);
  }
});

const docs = join(import.meta.dirname, "..", "..", "..", "docs");

test("every option of an example exists, in the help and in the runbooks", async () => {
  let count = 0;
  const lines = all.flatMap(({ help }) => [...help.matchAll(/\bfleet (.*)/g)]);
  const runbooks = await readFile(join(docs, "runbooks.md"), "utf8");
  lines.push(...runbooks.matchAll(/(?:`|^ *(?:\$ )?)fleet ([^`\n]*)/gm));
  for (const [, words = ""] of lines) {
    if (!words.includes(" -")) continue;
    const [verb = "", child = ""] = words.split(/\s/);
    const known = all.find(({ name }) => name === `${verb} ${child}`) ?? named(verb);
    const own = words.replace(/'[^']*'/g, "").split(/ #|[|&)>]/)[0] ?? "";
    for (const [, option] of own.matchAll(/ (--?[a-z][a-z-]*)/g)) {
      const { options } = known?.command ?? assert.fail(`no verb: ${words}`);
      const isThere = options.some(({ long, short }) => option === long || option === short);
      assert.ok(isThere || option === "--help", `${option} in: fleet ${words}`);
      count += 1;
    }
  }
  assert.ok(count > 50, String(count));
});

/** Beyond 0, and what every verb can end with: see `fleet help exit-codes`. */
const ownCodes: Readonly<Record<string, readonly number[]>> = {
  ...{ diff: [0, 1], sync: [1, 3], wait: [6], logs: [3, 8], pin: [7] },
  ...{ hold: [1, 7], unhold: [1, 7], retry: [1, 7], label: [1, 7], set: [1, 7] },
  ...{ "safe-mode enter": [1, 7], "safe-mode leave": [1, 7] },
  ...{ run: [1, 7], reboot: [1, 7], repave: [1, 7], rma: [1, 7] },
  ...{ "rollout status": [0, 1, 6], "rollout bisect": [0, 1] },
  ...{ "rollout approve": [7], "rollout halt": [7], "rollout resume": [7] },
  ...{ "rollout promote": [7], "rollout undo": [7] },
};

test("a verb that ends with a code of its own says which", () => {
  for (const [name, codes] of Object.entries(ownCodes)) {
    const [, words = ""] = /exit codes?(.*?)\n\n/is.exec(`${named(name)?.help}\n\n`) ?? [];
    for (const code of codes) assert.match(words, new RegExp(`\\b${code}\\b`), `${name} ${code}`);
  }
});

test("the page about the command names every verb and every word below one", async () => {
  const page = await readFile(join(docs, "fleet-command.md"), "utf8");
  const words = new Set(
    [...page.matchAll(/`([^`\n]+)`/g)].flatMap(([, code = ""]) => code.split(/[ ,]+/)),
  );
  for (const { name } of all) {
    for (const word of name.split(" ")) assert.ok(words.has(word), name);
  }
});

function named(name: string): Explained | undefined {
  return all.find((one) => one.name === name);
}
