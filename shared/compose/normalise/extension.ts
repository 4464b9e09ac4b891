// `x-fleet` of a service: the one extension that is read, and read strictly.
import type { FleetExtension } from "#shared/compose/model.ts";
import {
  allEntries,
  at,
  command,
  type Field,
  fail,
  flag,
  isList,
  isMap,
  isSet,
  present,
  text,
} from "./field.ts";

const knownKeys = ["runtime", "command", "update", "updateLock", "telemetry"];
const keysText = "runtime, command, update, updateLock and telemetry";

export function normaliseExtension(field: Field): FleetExtension {
  if (!isSet(field)) return {};
  if (!isMap(field)) fail(field, `must be a map with the keys ${keysText}`);
  for (const [key, entry] of allEntries(field)) {
    if (!knownKeys.includes(key)) fail(entry, `is none of the keys ${keysText}`);
  }
  return present({
    runtime: runtime(at(field, "runtime")),
    command: processCommand(at(field, "command")),
    update: update(at(field, "update")),
    updateLock: flag(at(field, "updateLock")) === true ? true : undefined,
    telemetry: flag(at(field, "telemetry")) === true ? true : undefined,
  });
}

function runtime(field: Field): FleetExtension["runtime"] {
  const given = text(field);
  if (given === undefined || given === "docker" || given === "process") return given;
  fail(field, `must be docker or process, but is "${given}"`);
  return undefined;
}

/** The default has a name too, so that a value can switch it. */
function update(field: Field): FleetExtension["update"] {
  const given = text(field);
  if (given === undefined || given === "replace") return undefined;
  if (given === "hand-over") return given;
  fail(field, `must be hand-over or replace, but is "${given}"`);
  return undefined;
}

function processCommand(field: Field): string[] | undefined {
  const isOdd = typeof field.value !== "string" && !isList(field);
  if (isSet(field) && isOdd) fail(field, "must be a text or a list of texts");
  const words = isSet(field) && isOdd ? undefined : command(field);
  if (words?.length === 0) fail(field, "is empty");
  return words;
}
