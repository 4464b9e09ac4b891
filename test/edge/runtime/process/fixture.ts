// Apps, temporary directories and runtimes for tests with real processes.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ObservedInstance, ResolvedApp } from "#edge/runtime/port.ts";
import {
  createProcessRuntime,
  type ProcessRuntime,
  type ProcessRuntimeOptions,
} from "#edge/runtime/process/runtime.ts";
import { systemClock } from "#shared/clock.ts";
import type { ComposeService } from "#shared/compose/model.ts";
import { AppName, Digest, RevisionId } from "#shared/ids.ts";
import { suite } from "#test/suite.ts";
import { bareService } from "#test/support/service.ts";

export interface Bench {
  /** The runtime's own directory. */
  directory: string;
  /** The unpacked release. */
  release: string;
  warnings: string[];
  /** A runtime over the directory, as a new agent makes one. */
  runtime: (options?: Partial<ProcessRuntimeOptions>) => ProcessRuntime;
  app: (services: Record<string, Partial<ComposeService>>) => ResolvedApp;
  /** Ends every process of every runtime made here and deletes the directories. */
  close: () => Promise<void>;
}

/** Declares tests that have a bench of their own each, cleared whatever happens. */
export function benchTests(subject: string) {
  const test = suite(subject);
  return (name: string, body: (bench: Bench) => Promise<void>): void =>
    test(name, async () => {
      const made = createBench();
      try {
        await body(made);
      } finally {
        await made.close();
      }
    });
}

function createBench(): Bench {
  const root = mkdtempSync(join(tmpdir(), "fleet-process-"));
  const release = join(root, "release");
  mkdirSync(release);
  const directory = join(root, "runtime");
  const runtimes: ProcessRuntime[] = [];
  const warnings: string[] = [];
  return {
    directory,
    release,
    warnings,
    runtime(options = {}) {
      const runtime = createProcessRuntime({
        directory,
        device: "bench",
        clock: systemClock,
        random: () => 0,
        limits: { baseMs: 50, maxMs: 1000, resetAfterMs: 60_000 },
        warn: (message) => warnings.push(message),
        ...options,
      });
      runtimes.push(runtime);
      return runtime;
    },
    app: (services) => resolvedApp(release, services),
    async close() {
      for (const runtime of runtimes) await runtime.stop();
      const last = createProcessRuntime({ directory, device: "bench", clock: systemClock });
      await last.endAll();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

export function resolvedApp(
  release: string,
  services: Record<string, Partial<ComposeService>>,
): ResolvedApp {
  const specs = Object.entries(services).map(([name, part]) => service(name, part));
  return {
    app: AppName.parse("shop"),
    project: "shop",
    revision: RevisionId.parse("a".repeat(64)),
    release: Digest.parse("b".repeat(64)),
    directory: release,
    compose: {
      services: Object.fromEntries(specs.map((spec) => [spec.name, spec])),
      networks: {},
      volumes: {},
      configs: {},
      secrets: {},
    },
    services: Object.fromEntries(
      specs.map((spec) => [spec.name, { spec, configHash: "hash-1", runtime: "process" as const }]),
    ),
    values: {},
  };
}

export function service(name: string, part: Partial<ComposeService> = {}): ComposeService {
  return bareService({ name, ...part });
}

/** A service that runs a shell script. */
export function shell(script: string, part: Partial<ComposeService> = {}): Partial<ComposeService> {
  return { fleet: { command: ["sh", "-c", script] }, ...part };
}

/** The app with its services under another configuration hash. */
export function rehashed(app: ResolvedApp, configHash: string): ResolvedApp {
  const services = Object.entries(app.services).map(([name, each]) => [
    name,
    { ...each, configHash },
  ]);
  return { ...app, services: Object.fromEntries(services) };
}

export async function only(runtime: ProcessRuntime): Promise<ObservedInstance> {
  const [instance, ...more] = await runtime.observe();
  if (instance === undefined || more.length > 0) throw new Error("wanted exactly one copy");
  return instance;
}

/** Resolves with the first value that is not undefined or false.
 *  @param limitMs far above what a busy machine takes: a wait that succeeds costs nothing */
export async function until<T>(
  what: string,
  ask: () => T | Promise<T>,
  limitMs = 30_000,
): Promise<Exclude<T, undefined | false>> {
  const deadline = performance.now() + limitMs;
  while (performance.now() < deadline) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer as Exclude<T, undefined | false>;
    await systemClock.sleep(20);
  }
  throw new Error(`did not come: ${what}`);
}

/** Whether a process runs; one that waits to be reaped does not. */
export function runs(pid: number | string): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** The first line of a file of pids that a test program writes. */
export function pidIn(path: string): Promise<string> {
  return until(`a pid in ${path}`, () => /^(\d+)\n/.exec(readIfThere(path) ?? "")?.[1]);
}
