// Labels and values of one device with an operator's edits on top; pure.
import type { DeviceEdits } from "#hub/control/overrides.ts";
import type { EditChange } from "#hub/store/pin_port.ts";
import type { Labels, Values } from "#shared/ids.ts";

export function editedLabels(labels: Labels, { labels: edits }: DeviceEdits): Labels {
  const result = { ...labels };
  for (const [key, { value }] of Object.entries(edits)) {
    if (value === null) delete result[key];
    else result[key] = value;
  }
  return result;
}

/** They go above every layer of the repository. */
export function editedValues({ values }: DeviceEdits): Values {
  return Object.fromEntries(Object.entries(values).map(([name, { value }]) => [name, value]));
}

/** Null ends an edit. */
export function laidOver(
  edits: DeviceEdits,
  { labels = {}, values = {} }: EditChange,
): DeviceEdits {
  return { labels: merged(edits.labels, labels), values: merged(edits.values, values) };
}

function merged<T>(edits: Record<string, T>, change: Record<string, T | null>): Record<string, T> {
  const entries = Object.entries({ ...edits, ...change });
  return Object.fromEntries(entries.flatMap(([key, edit]) => (edit === null ? [] : [[key, edit]])));
}
