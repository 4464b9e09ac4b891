// The simulator's worker processes: started, followed, finished and, if need be, killed.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { FleetError } from "#shared/errors.ts";
import type { Assignment, FromWorker, ToWorker } from "./messages.ts";
import { addCounts, type Counts, noCounts } from "./tally.ts";

const workerFile = fileURLToPath(import.meta.resolve("./worker.ts"));
/** How long the goodbyes of all devices may take. */
const finishMs = 15_000;

export interface Workers {
  counts(): Counts;
  /** The last thing that went wrong, for the person who watches. */
  problem(): string | undefined;
  /** Resolves with what all devices have done; a worker that does not answer counts as last seen. */
  finish(): Promise<{ counts: Counts; latenciesMs: number[] }>;
}

interface Worker {
  child: ChildProcess;
  exited: Promise<unknown>;
  counts: Counts;
  latenciesMs: number[];
  problem?: string;
}

/** @throws FleetError internal when a worker does not start */
export async function startWorkers(assignments: readonly Assignment[]): Promise<Workers> {
  const workers = await Promise.all(assignments.map(startWorker));
  return {
    counts: () => workers.map(({ counts }) => counts).reduce(addCounts, noCounts),
    problem: () => workers.map(({ problem }) => problem).findLast((one) => one !== undefined),
    finish: async () => {
      await Promise.all(workers.map(finishWorker));
      const counts = workers.map((worker) => worker.counts).reduce(addCounts, noCounts);
      return { counts, latenciesMs: workers.flatMap((worker) => worker.latenciesMs) };
    },
  };
}

async function startWorker(assignment: Assignment): Promise<Worker> {
  const child = fork(workerFile, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const worker: Worker = {
    child,
    exited: once(child, "exit"),
    counts: noCounts,
    latenciesMs: [],
  };
  const ready = Promise.withResolvers<void>();
  child.on("message", (message: FromWorker) => {
    if (message.kind === "ready") ready.resolve();
    else Object.assign(worker, message);
  });
  child.once("exit", (code) => {
    worker.problem = `a worker ended with code ${code}`;
    ready.reject(new FleetError("internal", { message: worker.problem }));
  });
  await ready.promise;
  tell(child, { kind: "start", assignment });
  return worker;
}

function tell(child: ChildProcess, message: ToWorker): void {
  if (child.connected) child.send(message);
}

async function finishWorker({ child, exited }: Worker): Promise<void> {
  tell(child, { kind: "finish" });
  const timer = setTimeout(() => child.kill("SIGKILL"), finishMs);
  await exited;
  clearTimeout(timer);
}
