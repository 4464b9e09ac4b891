// Asks a workload over HTTP all the while: counts the time without an answer, and notices restarts.
import { Agent, get } from "node:http";

const pauseMs = 25;

export interface Seen {
  /** Time in which the workload did not answer. */
  unavailableMs: number;
  /** How often another process answered than before. */
  restarts: number;
  answers: number;
}

export interface Watch {
  start(): void;
  stop(): Promise<void>;
  /** Counts anew from here on. */
  reset(): void;
  seen(): Seen;
}

const nothing: Seen = { unavailableMs: 0, restarts: 0, answers: 0 };

interface WatchOptions {
  /** Where `/id` names the process that answers. */
  port: number;
  /** A connection for each question, as most clients do; by default one is kept. */
  connectsAnew?: true;
  /** An answer that takes longer is none. */
  timeoutMs?: number;
}

export function createWatch({ port, connectsAnew, timeoutMs = 1000 }: WatchOptions): Watch {
  const agent = new Agent({ keepAlive: connectsAnew !== true, maxSockets: 1 });
  let seen = { ...nothing };
  let known: string | undefined;
  let asking = false;
  let work = Promise.resolve();

  const note = (id: string | undefined, tookMs: number): void => {
    if (id === undefined) {
      seen.unavailableMs += tookMs;
      return;
    }
    seen.answers += 1;
    if (known !== undefined && known !== id) seen.restarts += 1;
    known = id;
  };
  const loop = async (): Promise<void> => {
    let last = performance.now();
    while (asking) {
      const id = await ask({ port, agent, timeout: timeoutMs });
      const now = performance.now();
      note(id, now - last);
      last = now;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  };

  return {
    start: () => {
      if (asking) return;
      asking = true;
      work = loop();
    },
    stop: async () => {
      asking = false;
      await work;
      agent.destroy();
    },
    reset: () => {
      seen = { ...nothing };
    },
    seen: () => ({ ...seen, unavailableMs: Math.round(seen.unavailableMs) }),
  };
}

/** Undefined when there is no proper answer. */
function ask(where: { port: number; agent: Agent; timeout: number }): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const request = get({ host: "127.0.0.1", path: "/id", ...where });
  request.once("timeout", () => request.destroy(new Error("timeout")));
  request.once("error", () => resolve(undefined));
  request.once("response", (response) => {
    let body = "";
    response.setEncoding("utf8");
    response.on("data", (chunk: string) => {
      body += chunk;
    });
    response.once("error", () => resolve(undefined));
    response.once("end", () => resolve(response.statusCode === 200 ? body.trim() : undefined));
  });
  return promise;
}
