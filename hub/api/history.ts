// What happened on one device: its events, its journal and its updates, newest first.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import type { Store } from "#hub/store/port.ts";
import { EntryKind } from "#shared/journal.ts";
import { reads, tagged } from "./answer.ts";
import { component } from "./component.ts";
import { knownDevice } from "./devices.ts";
import type { ApiEnv } from "./env.ts";
import { DeviceEventQuery, type EventView, eventQuery } from "./event_view.ts";
import { EventList } from "./events.ts";
import type { Guards } from "./guards.ts";
import { DeviceParams, JournalEntrySchema, type ListOf, listOf, PageQuery } from "./schema.ts";
import { readUpdates } from "./update_reader.ts";
import { UpdateView } from "./update_view.ts";

const StoredEntry = component(
  "StoredJournalEntry",
  JournalEntrySchema.extend({
    epoch: z.string().meta({ description: "Names the device's journal database." }),
  }),
);
type StoredEntry = z.infer<typeof StoredEntry>;

const AppQuery = PageQuery.extend({ app: z.string().max(63).optional() });
const JournalQuery = AppQuery.extend({ kind: EntryKind.optional() });
const UpdateListQuery = AppQuery.extend({
  limit: z.coerce.number().int().min(1).max(100).default(20),
});

const common = (guards: Guards) => ({
  method: "get" as const,
  tags: ["Devices"],
  security: [{ operator: [] }],
  middleware: guards.operator,
});

const eventsRoute = (guards: Guards) =>
  createRoute({
    ...common(guards),
    path: "/v1/devices/{id}/events",
    operationId: "listDeviceEvents",
    summary: "Lists a device's events, newest first",
    request: { params: DeviceParams, query: DeviceEventQuery },
    responses: reads("A page of events.", EventList),
  });

const journalRoute = (guards: Guards) =>
  createRoute({
    ...common(guards),
    path: "/v1/devices/{id}/journal",
    operationId: "listDeviceJournal",
    summary: "Lists a device's journal as the hub has it, newest first",
    request: { params: DeviceParams, query: JournalQuery },
    responses: reads("A page of entries.", listOf("JournalList", StoredEntry)),
  });

const updatesRoute = (guards: Guards) =>
  createRoute({
    ...common(guards),
    path: "/v1/devices/{id}/updates",
    operationId: "listDeviceUpdates",
    summary: "Lists a device's updates with their steps, newest first",
    description: "The first page also holds the updates under way, beyond `limit`.",
    request: { params: DeviceParams, query: UpdateListQuery },
    responses: reads("A page of updates.", listOf("UpdateList", UpdateView)),
  });

export function historyRoutes(options: {
  store: Pick<Store, "device" | "events" | "journal">;
  guards: Guards;
}): OpenAPIHono<ApiEnv> {
  const { store, guards } = options;
  const app = new OpenAPIHono<ApiEnv>();
  app.openapi(eventsRoute(guards), async (c) => {
    const device = (await knownDevice(store, c.req.valid("param").id)).id;
    const page = await store.events(eventQuery({ ...c.req.valid("query"), device }));
    return tagged<ListOf<EventView>>(c, { items: page.rows, next: page.next });
  });
  app.openapi(journalRoute(guards), async (c) => {
    const device = (await knownDevice(store, c.req.valid("param").id)).id;
    const { kind, ...query } = c.req.valid("query");
    const kinds = kind === undefined ? {} : { kinds: [kind] };
    const page = await store.journal({ device, ...kinds, ...pageOf(query) });
    return tagged<ListOf<StoredEntry>>(c, { items: page.rows, next: page.next });
  });
  app.openapi(updatesRoute(guards), async (c) => {
    const device = (await knownDevice(store, c.req.valid("param").id)).id;
    const page = await readUpdates(store, { device, ...pageOf(c.req.valid("query")) });
    return tagged<ListOf<UpdateView>>(c, { items: page.rows, next: page.next });
  });
  return app;
}

function pageOf({ limit, cursor, app }: z.infer<typeof AppQuery>) {
  return {
    limit,
    ...(cursor === undefined ? {} : { cursor }),
    ...(app === undefined ? {} : { app }),
  };
}
