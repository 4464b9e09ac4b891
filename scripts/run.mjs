// Starts a TypeScript entry point on a fit Node: this one, else the one that the project pins.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import module from "node:module";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const wanted = 24;
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [entry, ...args] = process.argv.slice(2);

if (entry === undefined) fail("usage: node scripts/run.mjs ENTRY.ts [ARGUMENT …]");
else if (Number(process.versions.node.split(".")[0]) >= wanted) await runHere(entry);
else runPinned(entry);

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exitCode = 1;
}

// Most of a start is compiling, and every process below this one starts too: they inherit the place. It lies
// beside the code and not in /tmp, since who may write compiled code may run it.
async function runHere(file) {
  process.env.NODE_COMPILE_CACHE ??= join(root, "node_modules", ".cache", "compiled");
  module.enableCompileCache(process.env.NODE_COMPILE_CACHE);
  process.argv.splice(1, 2, join(root, file));
  await import(pathToFileURL(join(root, file)).href);
}

function runPinned(file) {
  const node = join(root, "node_modules", ".bin", "node");
  if (!existsSync(node)) {
    fail(
      `Metrica Fleet needs Node ${wanted} or newer and this is ${process.version}: run "npm ci" to get the pinned one.`,
    );
    return;
  }
  const child = spawn(node, [join(root, "scripts", "run.mjs"), file, ...args], {
    stdio: "inherit",
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => child.kill(signal));
  }
  child.on("error", (error) => fail(`${node} does not start: ${error.message}`));
  child.on("exit", (code, signal) => {
    process.exitCode = code ?? 128 + (constants.signals[signal] ?? 0);
  });
}
