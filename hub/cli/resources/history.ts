// Events and updates, as `get`, `events` and `history` show them.
import type { EventView } from "#hub/api/event_view.ts";
import type { UpdateView } from "#hub/api/update_view.ts";
import type { Client, ListQuery } from "#hub/cli/api/client.ts";
import { stepDuration } from "#hub/cli/terminal/age.ts";
import { toneOf } from "#hub/cli/terminal/colour.ts";
import { FleetError } from "#shared/errors.ts";
import { type Resource, shortId, when } from "./resource.ts";
import { requireDevices } from "./unknown.ts";

export const events: Resource<EventView> = {
  kind: "event",
  isUnique: false,
  fields: ["device", "type", "reason"],
  sorts: [],
  takesSelector: false,
  columns: (view) => [
    { title: view.times === "age" ? "AGE" : "AT", text: ({ at }) => when(at, view) },
    { title: "TYPE", text: ({ type }) => type, tone: ({ type }) => toneOf(type) },
    { title: "DEVICE", text: ({ device, app }) => [device, app].filter(Boolean).join("/") },
    { title: "REASON", text: ({ reason }) => reason },
    { title: "MESSAGE", text: ({ message }) => message, atLeast: 20 },
    { title: "ID", text: ({ id }) => String(id), isWide: true },
    { title: "SOURCE", text: ({ source }) => source, isWide: true },
  ],
  nameOf: ({ id }) => String(id),
  list: (client, query, names) =>
    names.length === 0 ? client.events(query) : eventsOf(client, query, names),
  changed: (message) => (message.event === "event" ? [message.data] : []),
  isWanted: (row, { device, type, reason }) =>
    (device === undefined || device === row.device) &&
    (type === undefined || type === row.type) &&
    (reason === undefined || reason === row.reason),
};

async function* eventsOf(
  client: Client,
  query: ListQuery,
  devices: readonly string[],
): AsyncGenerator<EventView> {
  await requireDevices(client, devices);
  for (const device of devices) yield* client.events({ ...query, device });
}

export type UpdateRow = { device: string } & UpdateView;

export const updates: Resource<UpdateRow> = {
  kind: "update",
  isUnique: false,
  fields: ["app"],
  sorts: [],
  takesSelector: false,
  columns: (view) => [
    { title: "DEVICE", text: ({ device }) => device },
    { title: "APP", text: ({ app }) => app },
    { title: "OUTCOME", text: ({ outcome }) => outcome, tone: ({ outcome }) => toneOf(outcome) },
    { title: "COMMIT", text: ({ commit }) => shortId(commit) },
    { title: view.times === "age" ? "AGE" : "STARTED", text: (row) => when(row.startedAt, view) },
    {
      title: "TOOK",
      text: ({ durationMs }) => (durationMs === undefined ? "" : stepDuration(durationMs)),
    },
    { title: "MESSAGE", text: ({ message }) => message ?? "", atLeast: 20 },
    { title: "DIGEST", text: ({ digest }) => digest, isWide: true },
    { title: "STEPS", text: stepsOf, isWide: true },
  ],
  nameOf: ({ attempt }) => attempt,
  list: updatesOf,
};

function stepsOf({ steps }: UpdateView): string {
  return steps
    .map(({ step, durationMs, ok }) => `${step} ${stepDuration(durationMs)}${ok ? "" : " failed"}`)
    .join(", ");
}

async function* updatesOf(
  client: Client,
  query: ListQuery,
  names: readonly string[],
): AsyncGenerator<UpdateRow> {
  if (names.length === 0) {
    throw new FleetError("request_invalid", {
      message: "updates are listed device by device",
      hint: "Name them: fleet get updates DEVICE …",
    });
  }
  await requireDevices(client, names);
  for (const device of names) {
    for await (const update of client.updates(device, query)) yield { device, ...update };
  }
}
