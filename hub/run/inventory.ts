// An inventory file, CSV or YAML (and so JSON): the devices that a fleet will have; pure.
import { z } from "zod";
import { FleetError } from "#shared/errors.ts";
import { DeviceId, LabelKey, Labels, LabelValue } from "#shared/ids.ts";
import { checkYaml } from "#shared/yaml/check.ts";
import { readCsv } from "./csv.ts";
import { type Lifecycle, newLifecycle } from "./phase.ts";

const text = z.string().trim().min(1).max(200);

const facts = {
  serial: text.exactOptional(),
  mac: z
    .string()
    .regex(
      /^([0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}$/,
      "must be a MAC address such as b8:27:eb:00:11:22",
    )
    .transform((mac) => mac.toLowerCase().replaceAll("-", ":"))
    .exactOptional(),
  model: text.exactOptional(),
  note: text.exactOptional(),
};

export const InventoryRecord = z.strictObject({
  id: DeviceId,
  labels: Labels.default({}),
  ...facts,
});
export type InventoryRecord = z.infer<typeof InventoryRecord>;

const InventoryFile = z.strictObject({
  apiVersion: z.literal("metrica.fleet/v1"),
  kind: z.literal("Inventory"),
  devices: z.array(InventoryRecord).min(1).max(20_000),
});

type InventoryFormat = "csv" | "yaml";

/** @param file as the errors name it
 *  @throws FleetError request_invalid with file, line and field of the first fault */
export function readInventory(
  content: string,
  { file, format }: { file: string; format: InventoryFormat },
): InventoryRecord[] {
  return format === "csv" ? fromCsv(content, file) : fromYaml(content, file);
}

function fromYaml(content: string, file: string): InventoryRecord[] {
  const hint = "Correct the file; nothing was imported.";
  const source = { file, text: content, code: "request_invalid", hint } as const;
  const { value, locate } = checkYaml(InventoryFile, source);
  const seen = new Set<DeviceId>();
  for (const [index, { id }] of value.devices.entries()) {
    if (seen.has(id)) throw twice(id, locate(["devices", index, "id"]));
    seen.add(id);
  }
  return value.devices;
}

const columns = ["id", ...Object.keys(facts)];
const labelColumn = /^labels\.(.+)$/;

function fromCsv(content: string, file: string): InventoryRecord[] {
  const [header, ...rows] = readCsv(content, file);
  if (header === undefined) throw fault("has no header", { file, line: 1 });
  const names = header.cells.map((name) => name.trim());
  checkHeader(names, { file, line: header.line });
  const seen = new Set<DeviceId>();
  return rows.map(({ cells, line }) => {
    if (cells.length > names.length) {
      throw fault(`has ${cells.length} fields; the header has ${names.length}`, { file, line });
    }
    const record = recordOf(names, cells, { file, line });
    if (seen.has(record.id)) throw twice(record.id, { file, line, key: "id" });
    seen.add(record.id);
    return record;
  });
}

interface Place {
  file: string;
  line: number;
  key?: string;
}

function checkHeader(names: readonly string[], place: Place): void {
  for (const name of names) {
    const label = labelColumn.exec(name)?.[1];
    const isKnown =
      columns.includes(name) || (label !== undefined && LabelKey.safeParse(label).success);
    if (isKnown) continue;
    throw fault(`"${name}" is no column; there are ${columns.join(", ")} and labels.KEY`, place);
  }
  const double = names.find((name, index) => names.indexOf(name) !== index);
  if (double !== undefined) throw fault(`the column "${double}" stands here twice`, place);
  if (!names.includes("id")) throw fault('has no column "id"', place);
}

/** An empty field is as if it were not there. */
function recordOf(
  names: readonly string[],
  cells: readonly string[],
  place: Place,
): InventoryRecord {
  const filled = names.flatMap((name, index) => {
    const value = cells[index]?.trim() ?? "";
    return value === "" ? [] : [[name, value] as const];
  });
  const labels = filled.flatMap(([name, value]) => {
    const key = labelColumn.exec(name)?.[1];
    if (key === undefined) return [];
    const issue = LabelValue.safeParse(value).error;
    if (issue !== undefined) throw fault("must be a label value", { ...place, key: name });
    return [[key, value] as const];
  });
  const own = filled.filter(([name]) => !labelColumn.test(name));
  const raw = { ...Object.fromEntries(own), labels: Object.fromEntries(labels) };
  const parsed = InventoryRecord.safeParse(raw);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const key = issue?.path.join(".") ?? "";
  const message = Object.hasOwn(raw, key) ? (issue?.message ?? "is not valid") : "is missing";
  throw fault(message, { ...place, key });
}

function fault(message: string, where: Place): FleetError {
  const hint = "Correct the file; nothing was imported.";
  return new FleetError("request_invalid", { message, where, hint });
}

function twice(id: DeviceId, where: FleetError["where"] & object): FleetError {
  return new FleetError("request_invalid", {
    message: `the device "${id}" stands here twice`,
    where,
    hint: "Give each device a name of its own; nothing was imported.",
  });
}

/** The device as the file has it; the same object when nothing of it is new. Its phase stays. */
export function importedLife(
  known: Lifecycle | undefined,
  { id, labels, ...inventory }: InventoryRecord,
  now: number,
): Lifecycle {
  const before = known ?? newLifecycle(id, now);
  const after: Lifecycle = { ...before, labels, inventory };
  const isSame = known !== undefined && JSON.stringify(before) === JSON.stringify(after);
  return isSame ? known : after;
}
