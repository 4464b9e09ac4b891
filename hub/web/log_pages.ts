// The route of a device's log page: reads the last lines with the page itself, so that it needs no script.
import type { Context, MiddlewareHandler } from "hono";
import { Hono } from "hono";
import type { ApiEnv } from "#hub/api/env.ts";
import { sessionOperator } from "#hub/api/guards.ts";
import { LogQuery, logRequest } from "#hub/api/logs.ts";
import { partsOf } from "#hub/api/problem.ts";
import type { Sessions } from "#hub/api/sessions.ts";
import type { LiveLogs, LogItem, LogReader } from "#hub/logs/port.ts";
import type { Store } from "#hub/store/port.ts";
import type { Clock } from "#shared/clock.ts";
import { type DeviceId, DeviceId as DeviceIdForm } from "#shared/ids.ts";
import type { PageParts } from "./layout.ts";
import { type LogsPage, logsMain, tails } from "./logs.ts";
import { unknownDevice } from "./notices.ts";

interface Options {
  store: Pick<Store, "device">;
  logs: LiveLogs;
  sessions: Sessions;
  clock: Clock;
  signedIn: MiddlewareHandler<ApiEnv>;
  send: (c: Context, parts: PageParts, status?: 200 | 404) => Response | Promise<Response>;
}

/** A device that begins to answer and then hangs must not hang the page. */
const patienceMs = 5000;

export function logPages({ store, logs, sessions, clock, signedIn, send }: Options): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.get("/devices/:id/logs", signedIn, async (c) => {
    const operator = sessionOperator(c, sessions);
    const name = c.req.param("id");
    const id = DeviceIdForm.safeParse(name).data;
    const row = id === undefined ? null : await store.device(id);
    if (row === null) {
      return send(c, { title: "No such device", main: unknownDevice(name), operator }, 404);
    }
    const choice = c.req.query("of") ?? "";
    const tail = tails.find((lines) => String(lines) === c.req.query("tail")) ?? 200;
    const query = queryOf(choice, tail);
    const read = await readLast(logs, row.id, query, clock);
    const followed = new URLSearchParams({ ...query, follow: "true" }).toString();
    const stream = `/v1/devices/${row.id}/logs?${followed}`;
    const main = logsMain({ row, choice, tail, stream, ...read });
    return send(c, { title: `Logs of ${row.id}`, main, operator, script: "log.js" });
  });
  return app;
}

function queryOf(choice: string, tail: number): Record<string, string> {
  if (choice === "agent" || choice === "events") return { source: choice, tail: String(tail) };
  const [app = "", service = ""] = choice.split("/");
  return {
    ...(app === "" ? {} : { app }),
    ...(service === "" ? {} : { service }),
    tail: String(tail),
  };
}

async function readLast(
  logs: LiveLogs,
  device: DeviceId,
  query: Record<string, string>,
  clock: Clock,
): Promise<Pick<LogsPage, "items" | "problem">> {
  const asked = LogQuery.safeParse(query);
  if (!asked.success) return { items: [], problem: { detail: "there can be no such log" } };
  try {
    return { items: await collect(await logs.open(device, logRequest(asked.data)), clock) };
  } catch (error) {
    const { detail, hint } = partsOf(error);
    return { items: [], problem: { detail, hint } };
  }
}

async function collect(reader: LogReader, clock: Clock): Promise<LogItem[]> {
  const items: LogItem[] = [];
  const done = new AbortController();
  void clock.sleep(patienceMs, done.signal).then(reader.close);
  for await (const item of reader) items.push(item);
  done.abort();
  return items;
}
