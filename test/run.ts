// Runs every test file in its own process and fails unless each registered test passed.
import { spawn } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, relative } from "node:path";
import type { Counts } from "./suite.ts";

const fileLimitMs = 600_000;
const root = join(import.meta.dirname, "..");

/**
 * Set where other programs share the machine: a file that failed is tried once more when all others
 * are done. What it printed at first stays in the output, behind what failed twice, and it is named at
 * the end.
 */
const triesAgain = process.env["FLEET_TEST_AGAIN"] === "1";
/** More failures than this are no matter of a busy machine. */
const againAtMost = 8;

interface FileResult {
  file: string;
  counts: Counts;
  failure?: string;
  output: string;
  durationMs: number;
  /** Of a second try. */
  first?: FileResult;
}

/** All test files, or those whose path contains one of the words given. */
function selectFiles(words: string[]): string[] {
  const all = globSync("test/**/*.test.ts", { cwd: root }).sort();
  return words.length === 0 ? all : all.filter((file) => words.some((word) => file.includes(word)));
}

/** @param lane which ports are its own (test/support/ports.ts): files that run at once differ in it */
async function runFile(file: string, scratch: string, lane: number): Promise<FileResult> {
  const countsFile = join(scratch, `${file.replaceAll("/", "_")}.json`);
  const started = performance.now();
  const words = [join(root, "test/child.ts"), join(root, file), countsFile];
  const child = spawn(process.execPath, words, {
    ...{ cwd: root, env: { ...process.env, FLEET_TEST_LANE: `${lane}` } },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk));
  const timer = setTimeout(() => child.kill("SIGKILL"), fileLimitMs);
  const code = await new Promise<number | null>((resolve) => child.on("exit", resolve));
  clearTimeout(timer);
  const counts = readCounts(countsFile);
  const failure = judge(code, counts);
  return {
    file,
    counts: counts ?? { registered: 1, passed: 0, skipped: [] },
    ...(failure === undefined ? {} : { failure }),
    output: Buffer.concat(chunks).toString(),
    durationMs: performance.now() - started,
  };
}

function readCounts(file: string): Counts | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Counts;
  } catch {
    return undefined;
  }
}

function judge(code: number | null, counts: Counts | undefined): string | undefined {
  if (code === null) return `was ended by a signal (limit ${fileLimitMs / 1000} s)`;
  if (counts === undefined) return `ended with code ${code} before its tests were counted`;
  if (counts.passed !== counts.registered) {
    return `${counts.passed} of ${counts.registered} registered tests passed`;
  }
  if (counts.registered + counts.skipped.length === 0) return "declares no test";
  return code === 0 ? undefined : `ended with code ${code}`;
}

/** Files that use one Engine run one after the other. */
const usesEngine = (file: string): boolean => file.includes("docker");
/** Files that start the whole program spend most of their time waiting for it. */
const startsProgram = (file: string): boolean => file.startsWith("test/system/");

/** Light files first, twice as many at once as there are processors, since each waits much; then the long
 *  ones, which are judged by the clock: one with the Engine beside two with programs of their own. */
async function runAll(files: string[], scratch: string): Promise<FileResult[]> {
  const results: FileResult[] = [];
  const drain = async (queue: string[], lane: number): Promise<void> => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      const result = await runFile(file, scratch, lane);
      results.push(result);
      report(result, triesAgain ? "later" : "now");
    }
  };
  const engine = files.filter(usesEngine);
  const programs = files.filter((file) => startsProgram(file) && !usesEngine(file));
  const light = files.filter((file) => !(startsProgram(file) || usesEngine(file)));
  const workers = Math.min(4, availableParallelism() * 2);
  await Promise.all(Array.from({ length: workers }, (_, lane) => drain(light, lane)));
  await Promise.all([drain(engine, 0), drain(programs, 1), drain(programs, 2)]);
  return triesAgain ? await tryAgain(results, scratch) : results;
}

async function tryAgain(results: FileResult[], scratch: string): Promise<FileResult[]> {
  const failed = results.filter(({ failure }) => failure !== undefined);
  if (failed.length > againAtMost) {
    for (const result of failed) report(result, "now");
    return results;
  }
  const second = new Map<string, FileResult>();
  for (const first of failed) {
    const result: FileResult = { ...(await runFile(first.file, scratch, 0)), first };
    report(result, "now");
    second.set(first.file, result);
  }
  for (const { first } of second.values()) if (first) writeFailure(first);
  return results.map((result) => second.get(result.file) ?? result);
}

/** @param words when the output of a failure is written: later, where it is tried again */
function report(result: FileResult, words: "now" | "later"): void {
  const { passed, registered } = result.counts;
  const seconds = (result.durationMs / 1000).toFixed(1);
  const failed = words === "now" ? "FAIL" : "wait";
  const mark = result.failure === undefined ? "ok  " : failed;
  process.stdout.write(
    `${mark} ${relative("test", result.file)} ${passed}/${registered} ${seconds}s\n`,
  );
  if (result.failure !== undefined && words === "now") writeFailure(result);
}

function writeFailure({ file, first, output, failure }: FileResult): void {
  const which = first === undefined ? "" : ", second try";
  process.stdout.write(`\n${relative("test", file)}${which}:\n${output}\n${failure ?? ""}\n`);
}

function summarise(results: FileResult[]): void {
  const skipped = results.flatMap((result) => result.counts.skipped);
  if (skipped.length > 0) process.stdout.write("\nLeft out:\n");
  for (const { name, why } of skipped) process.stdout.write(`  ${name} (${why})\n`);
  const unsteady = results.filter((result) => result.first !== undefined);
  if (unsteady.length > 0) process.stdout.write("\nFailed at first, then tried again alone:\n");
  for (const { file, failure } of unsteady) {
    process.stdout.write(`  ${relative("test", file)} ${failure ?? "passed"}\n`);
  }
  const passed = results.reduce((sum, { counts }) => sum + counts.passed, 0);
  const failed = results.reduce(
    (sum, { counts, failure }) =>
      sum + Math.max(counts.registered - counts.passed, failure === undefined ? 0 : 1),
    0,
  );
  process.stdout.write(`\n${passed} passed, ${failed} failed, ${skipped.length} skipped\n`);
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
}

const scratch = mkdtempSync(join(tmpdir(), "fleet-test-"));
try {
  summarise(await runAll(selectFiles(process.argv.slice(2)), scratch));
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
