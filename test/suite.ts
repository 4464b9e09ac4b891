// Declares tests that always run: no test file can pass by forgetting to start its suite.
import { suite as uvuSuite } from "uvu";
import { missingPart, type RealPart } from "./real.ts";

type Body = () => void | Promise<void>;

export interface Suite {
  (name: string, body: Body): void;
  /** A test that needs a real part; left out, and counted, where the machine has none. */
  real(part: RealPart, name: string, body: Body): void;
  before(hook: Body): void;
  after(hook: Body): void;
}

export interface Counts {
  registered: number;
  passed: number;
  skipped: { name: string; why: string }[];
}

const counts: Counts = { registered: 0, passed: 0, skipped: [] };
const starts: (() => void)[] = [];
let suites = 0;
/** How long a file may take to let go of what it opened, once its tests are over. */
const lingerMs = 30_000;

/** A test that leaves a server or a child behind fails its file, and does not hold up the run. */
function noteEnd(): void {
  suites -= 1;
  if (suites > 0) return;
  setTimeout(() => {
    process.stderr.write("something that the tests opened is still open\n");
    process.exit(1);
  }, lingerMs).unref();
}

/** Tests of one subject. They run, in order, once their file has been read.
 *  @param options.limitMs time limit of each test and hook */
export function suite(subject: string, options: { limitMs?: number } = {}): Suite {
  const tests = uvuSuite(subject);
  const limited = (name: string, body: Body) => () =>
    within(options.limitMs ?? 120_000, name, body);
  const declare = (name: string, body: Body): void => {
    counts.registered += 1;
    tests(name, async () => {
      await limited(name, body)();
      counts.passed += 1;
    });
  };
  suites += 1;
  starts.push(() => {
    tests.after(noteEnd);
    tests.run();
  });
  return Object.assign(declare, {
    real: (part: RealPart, name: string, body: Body): void => {
      const why = missingPart(part);
      if (why === undefined) declare(name, body);
      else counts.skipped.push({ name: `${subject}: ${name}`, why });
    },
    before: (hook: Body): void => tests.before(limited("before", hook)),
    after: (hook: Body): void => tests.after(limited("after", hook)),
  });
}

async function within(limitMs: number, name: string, body: Body): Promise<void> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`"${name}" took over ${limitMs} ms`)), limitMs);
  try {
    await Promise.race([body(), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Starts every suite declared so far and hands the counts over when the process ends. */
export function runSuites(report: (counts: Counts) => void): void {
  for (const start of starts) start();
  process.on("exit", () => report(counts));
}
