// Long steps (downloads, scripts, pulls) beside the loop, so that it goes on observing and repairing.
import { FleetError } from "#shared/errors.ts";

/** How long the loop waits for a task before it goes on without it; short ones cost no extra round. */
const patienceMs = 250;

interface Task {
  abort: AbortController;
  result: Promise<void>;
  settled: boolean;
}

export interface Tasks {
  /** Starts the work once per key and tells whether it is done; throws what it threw. */
  run(key: string, work: (signal: AbortSignal) => Promise<void>): Promise<"done" | "running">;
  /** Aborts every task whose key starts with the prefix. */
  cancel(prefix: string): void;
  /** Aborts all, starts no more, and waits until they have ended. */
  stop(): Promise<void>;
}

/** @param onSettled wakes the loop */
export function createTasks(onSettled: () => void): Tasks {
  const tasks = new Map<string, Task>();
  let stopped = false;

  const begin = (key: string, work: (signal: AbortSignal) => Promise<void>): Task => {
    if (stopped) throw new FleetError("interrupted", { message: "the agent stops" });
    const abort = new AbortController();
    const task: Task = { abort, result: work(abort.signal), settled: false };
    const settle = (): void => {
      task.settled = true;
      onSettled();
    };
    task.result.then(settle, settle);
    tasks.set(key, task);
    return task;
  };

  return {
    run: async (key, work) => {
      const task = tasks.get(key) ?? begin(key, work);
      if (!task.settled) await settledWithin(task.result, patienceMs);
      if (!task.settled) return "running";
      tasks.delete(key);
      await task.result;
      return "done";
    },
    cancel: (prefix) => {
      for (const [key, task] of tasks) {
        if (!key.startsWith(prefix)) continue;
        task.abort.abort();
        tasks.delete(key);
      }
    },
    stop: async () => {
      stopped = true;
      const all = [...tasks.values()];
      for (const { abort } of all) abort.abort();
      tasks.clear();
      await Promise.allSettled(all.map(({ result }) => result));
    },
  };
}

/** Whether it ends, well or not, within the time. */
export async function settledWithin(result: Promise<unknown>, limitMs: number): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), limitMs);
  const ended = result.then(
    () => true,
    () => true,
  );
  const inTime = await Promise.race([late, ended]);
  clearTimeout(timer);
  return inTime;
}
