// Opens the device's own page, and goes on trying where something else holds its port.
import type { LocalApi } from "#edge/page/api.ts";
import type { Clock } from "#shared/clock.ts";
import { asFleetError } from "#shared/errors.ts";
import type { Log } from "./parts.ts";

export interface OwnPage {
  /** Returns after the first try. Never throws: a workload that got the port while no agent ran must not keep
   *  every agent after it from its work. */
  start(): Promise<void>;
  /** Where it listens, e.g. `127.0.0.1:7090`; undefined while it does not. */
  address(): string | undefined;
  stop(): Promise<void>;
}

const againMs = 10_000;

export function createOwnPage(options: {
  api: LocalApi;
  clock: Pick<Clock, "sleep">;
  log: Pick<Log, "info" | "error">;
}): OwnPage {
  const { api, clock, log } = options;
  const ended = new AbortController();
  let address: string | undefined;
  let told: string | undefined;
  let trying: Promise<void> = Promise.resolve();

  const open = async (): Promise<boolean> => {
    try {
      const page = await api.start();
      address = `${page.host}:${page.port}`;
      log.info({ page }, "local API started");
      return true;
    } catch (thrown) {
      const { code, sentence, hint } = asFleetError(thrown);
      if (told !== sentence) log.error({ code, why: sentence, hint }, "no page; it is tried again");
      told = sentence;
      return false;
    }
  };
  const keepTrying = async (): Promise<void> => {
    do await clock.sleep(againMs, ended.signal);
    while (!ended.signal.aborted && !(await open()));
  };

  return {
    address: () => address,
    start: async () => {
      if (!(await open())) trying = keepTrying();
    },
    stop: async () => {
      ended.abort();
      await trying;
      await api.stop();
    },
  };
}
