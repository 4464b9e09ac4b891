// Reads numbers as Go's YAML does, and so docker compose.
import type { WrittenNumber } from "#shared/yaml/read.ts";

/** A leading zero is octal (file modes), and an integer too large for a double keeps its digits. */
export function composeNumber({ value, text }: WrittenNumber): string | number {
  if (/^[-+]?0[0-7]+$/.test(text)) return Number.parseInt(text, 8);
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? text : value;
}
