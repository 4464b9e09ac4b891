// Canonical JSON (RFC 8785) and the sha256 names made from it.
import { createHash } from "node:crypto";

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** RFC 8785 text of a JSON value: keys by UTF-16 code unit, numbers as ECMAScript writes them.
 *  Keys whose value is undefined are left out, as JSON.stringify does.
 *  @throws TypeError for a value that JSON has no form for, or a lone surrogate */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "number") return numberText(value);
  if (typeof value === "string") return stringText(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value === "object") return objectText(value as Record<string, unknown>);
  throw new TypeError(`canonical JSON has no form for a ${typeof value}`);
}

function numberText(value: number): string {
  if (!Number.isFinite(value)) throw new TypeError(`canonical JSON has no form for ${value}`);
  return JSON.stringify(value);
}

function stringText(value: string): string {
  if (!value.isWellFormed()) throw new TypeError("canonical JSON has no form for a lone surrogate");
  return JSON.stringify(value);
}

function objectText(value: Record<string, unknown>): string {
  const members = Object.keys(value)
    .filter((key) => value[key] !== undefined)
    .sort(byCodeUnit)
    .map((key) => `${stringText(key)}:${canonicalJson(value[key])}`);
  return `{${members.join(",")}}`;
}

/** Order by UTF-16 code unit, which neither locale nor Unicode version changes. */
export function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Lower-case hex sha256 of bytes or of a string's UTF-8. */
export function sha256(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

/** sha256 of a value's canonical JSON. */
export function canonicalHash(value: unknown): string {
  return sha256(canonicalJson(value));
}
