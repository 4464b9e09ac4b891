// Log lines as people read them: the time first, then what was said.
import type { LogLine } from "#edge/runtime/port.ts";

export function serviceLine({ at, stream, text }: LogLine): string {
  return `${timeText(at)} ${stream === "stderr" ? "err " : ""}${text}`;
}

const levels: Readonly<Record<number, string>> = {
  10: "trace",
  20: "debug",
  30: "info",
  40: "warn",
  50: "error",
  60: "fatal",
};

/** A line of the agent's own log, which is JSON; anything else stays as it is. Pure. */
export function agentLine(line: string): string {
  const parsed = jsonObject(line);
  if (parsed === undefined) return line;
  const { time, level, msg, device: _device, ...rest } = parsed;
  const detail = Object.entries(rest).map(([key, value]) => `${key}=${wordOf(value)}`);
  const when = typeof time === "number" ? timeText(time) : "";
  return [when, levels[Number(level)] ?? "", typeof msg === "string" ? msg : "", ...detail]
    .filter((part) => part !== "")
    .join(" ");
}

function jsonObject(line: string): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(line);
    const isObject = typeof parsed === "object" && parsed !== null;
    return isObject ? (parsed as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function wordOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function timeText(unixMs: number): string {
  return new Date(unixMs).toISOString().slice(0, 19).replace("T", " ");
}
