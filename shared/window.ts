// Maintenance windows: when an app may change, by the wall clock of a time zone; pure.
import { z } from "zod";

const days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
const minutesPerDay = 1440;
const minuteMs = 60_000;
/** A week and a day: every window opens at least once in it, whatever its days. */
const horizonMinutes = 8 * minutesPerDay;
/** More than any zone's clock is ever put forward or back. */
const marginMinutes = 120;

const timeOfDay = z
  .string()
  .regex(/^([01][0-9]|2[0-3]):[0-5][0-9]$/, "must be a time of day such as 02:30");

export const MaintenanceWindow = z.strictObject({
  /** Days on which the window opens. Default: every day. */
  days: z.array(z.enum(days)).min(1).exactOptional(),
  from: timeOfDay,
  /** Earlier than or equal to `from` means on the next day. */
  to: timeOfDay,
  /** IANA name, e.g. `Europe/Vienna`. Default: UTC. */
  timeZone: z.string().refine(isTimeZone, "is no time zone that this system knows").exactOptional(),
});
export type MaintenanceWindow = z.infer<typeof MaintenanceWindow>;

/** Whether any of the windows is open; no windows at all means always. Pure. */
export function isOpen(windows: readonly MaintenanceWindow[], wallMs: number): boolean {
  return windows.length === 0 || windows.some((window) => contains(window, wallMs));
}

/** Unix ms, to the minute, at which the next of the windows opens; undefined when one is open now.
 *  Looks at the clock of each minute, so that a change to summer time counts as people see it. Pure. */
export function nextOpening(
  windows: readonly MaintenanceWindow[],
  wallMs: number,
): number | undefined {
  if (isOpen(windows, wallMs)) return undefined;
  const minute = Math.floor(wallMs / minuteMs) * minuteMs;
  const openings = windows.map((window) => openingOf(window, minute));
  return Math.min(...openings);
}

/** Leaps until shortly before `from` comes by the clock, then goes minute by minute: a clock that is put
 *  forward or back on the way changes the distance by less than the margin. */
function openingOf(window: MaintenanceWindow, minute: number): number {
  const end = minute + horizonMinutes * minuteMs;
  let at = minute;
  while (at < end && !contains(window, at)) {
    const local = localTime(at, window.timeZone);
    const distance = (minuteOf(window.from) - local.minute + minutesPerDay) % minutesPerDay;
    at += Math.max(1, distance - marginMinutes) * minuteMs;
  }
  return at;
}

function contains(window: MaintenanceWindow, wallMs: number): boolean {
  const { day, minute } = localTime(wallMs, window.timeZone);
  const from = minuteOf(window.from);
  const to = minuteOf(window.to);
  if (from < to) return isDay(window, day) && minute >= from && minute < to;
  if (minute >= from) return isDay(window, day);
  return minute < to && isDay(window, (day + days.length - 1) % days.length);
}

function isDay({ days: wanted }: MaintenanceWindow, day: number): boolean {
  const name = days[day];
  return wanted === undefined || (name !== undefined && wanted.includes(name));
}

function minuteOf(time: string): number {
  return Number(time.slice(0, 2)) * 60 + Number(time.slice(3));
}

/** Day of the week from Monday = 0, and the minute of that day. */
function localTime(wallMs: number, timeZone = "UTC"): { day: number; minute: number } {
  const parts = formatOf(timeZone).formatToParts(wallMs);
  const read = (type: string): string => parts.find((part) => part.type === type)?.value ?? "";
  const day = (days as readonly string[]).indexOf(read("weekday").toLowerCase());
  return { day, minute: Number(read("hour")) * 60 + Number(read("minute")) };
}

/** Making one costs more than a hundred uses. */
const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat("en-GB", {
    timeZone,
    weekday: "short",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
  formats.set(timeZone, made);
  return made;
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en-GB", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
