// Pins, undone rollouts among them, as `get` and `pins` show them.
import type { PinView } from "#hub/api/pins.ts";
import { collect } from "#hub/cli/api/client.ts";
import { rfc3339, shortDuration } from "#hub/cli/terminal/age.ts";
import { type Resource, shortId, type TimeView, when } from "./resource.ts";
import { unknownNames } from "./unknown.ts";

export const pins: Resource<PinView> = {
  kind: "pin",
  isUnique: true,
  fields: ["deployment", "device"],
  sorts: [],
  takesSelector: false,
  columns: (view) => [
    { title: "ID", text: ({ id }) => id },
    { title: "DEPLOYMENT", text: ({ deployment }) => deployment },
    { title: "SCOPE", text: scopeOf, atLeast: 8 },
    { title: "DEVICES", text: ({ devices }) => String(devices) },
    { title: "COMMIT", text: ({ commit }) => shortId(commit) },
    { title: "BY", text: ({ operator }) => operator },
    { title: view.times === "age" ? "AGE" : "AT", text: ({ at }) => when(at, view) },
    { title: "ENDS", text: (pin) => endOf(pin, view) },
    { title: "REASON", text: ({ reason }) => reason, atLeast: 12 },
    { title: "RELEASE", text: ({ digest }) => digest, isWide: true },
    { title: "BRANCH", text: ({ branch }) => branch, isWide: true },
  ],
  nameOf: ({ id }) => id,
  list: async function* (client, query, names) {
    const all = await collect(client.control.pins());
    const missing = names.filter((name) => !all.some(({ id }) => id === name));
    yield* all.filter(
      (pin) =>
        (names.length === 0 || names.includes(pin.id)) &&
        (query["deployment"] === undefined || query["deployment"] === pin.deployment) &&
        (query["device"] === undefined || query["device"] === pin.device),
    );
    if (missing.length > 0) {
      throw unknownNames(
        "pin",
        missing,
        all.map(({ id }) => id),
      );
    }
  },
};

function scopeOf({ device, labelSelector }: PinView): string {
  return device ?? labelSelector ?? "(all)";
}

function endOf({ kind, until }: PinView, { now, times }: TimeView): string {
  if (kind === "undo") return "when Git agrees";
  if (until === null) return "";
  return times === "age" ? `in ${shortDuration(until - now)}` : rfc3339(until);
}
