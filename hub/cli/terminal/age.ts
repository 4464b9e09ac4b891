// Times and durations as people write and read them.
import { FleetError } from "#shared/errors.ts";

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;
const year = 365 * day;

/** Two figures at most, as kubectl shows an age: `45s`, `3m12s`, `20h`, `3d4h`. Pure. */
export function shortDuration(ms: number): string {
  const value = Math.max(0, ms);
  if (value < 2 * minute) return `${Math.floor(value / second)}s`;
  if (value < 10 * minute) return two(value, [minute, "m"], [second, "s"]);
  if (value < 3 * hour) return `${Math.floor(value / minute)}m`;
  if (value < 8 * hour) return two(value, [hour, "h"], [minute, "m"]);
  if (value < 2 * day) return `${Math.floor(value / hour)}h`;
  if (value < 8 * day) return two(value, [day, "d"], [hour, "h"]);
  if (value < 2 * year) return `${Math.floor(value / day)}d`;
  return two(value, [year, "y"], [day, "d"]);
}

type Unit = [ms: number, name: string];

function two(ms: number, [big, bigName]: Unit, [small, smallName]: Unit): string {
  const rest = Math.floor((ms % big) / small);
  const head = `${Math.floor(ms / big)}${bigName}`;
  return rest === 0 ? head : `${head}${rest}${smallName}`;
}

/** How long a step took: finer than an age. */
export function stepDuration(ms: number): string {
  return ms < 10 * second ? `${(ms / second).toFixed(1)}s` : shortDuration(ms);
}

/** The number itself where no calendar reaches: a device's clock can say anything. */
export function rfc3339(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? String(ms) : date.toISOString();
}

const units: Record<string, number> = { ms: 1, s: second, m: minute, h: hour, d: day };

/** Reads `30s`, `5m`, `1h30m`, `2d`, or `0`.
 *  @returns ms
 *  @throws FleetError request_invalid */
export function parseDuration(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)];
  const isWhole = parts.map(([part]) => part).join("") === text && parts.length > 0;
  if (text === "0") return 0;
  if (!isWhole) {
    const message = `"${text}" is not a duration`;
    throw new FleetError("request_invalid", { message, hint: "Write 30s, 5m, 1h30m or 2d." });
  }
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * (units[unit ?? ""] ?? 0), 0);
}

/** Reads a duration before now, or a time as RFC 3339.
 *  @returns Unix ms
 *  @throws FleetError request_invalid */
export function parseSince(text: string, now: number): number {
  const at = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? now - parseDuration(text) : at;
}

/** Reads a duration from now, or a time as RFC 3339.
 *  @returns Unix ms
 *  @throws FleetError request_invalid */
export function parseUntil(text: string, now: number): number {
  const at = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? now + parseDuration(text) : at;
}
