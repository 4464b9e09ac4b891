// Durations and byte sizes as Compose writes them.

const msPerUnit: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

const binaryPower: Readonly<Record<string, number>> = { "": 0, k: 1, m: 2, g: 3, t: 4, p: 5 };

/** Whole milliseconds of `1m30s`, `1.5h`, `300ms`; undefined when it is none. A number needs a unit, `0` does not.
 *  @see Compose specification, "Specifying durations" */
export function parseDurationMs(text: string): number | undefined {
  if (text === "0") return 0;
  if (!/^(\d+(\.\d+)?(ns|us|µs|ms|s|m|h|d))+$/.test(text)) return undefined;
  const parts = text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d)/g);
  const totalMs = parts.reduce(
    (sum, [, count, unit]) => sum + Number(count) * (msPerUnit[unit ?? ""] ?? 0),
    0,
  );
  return Math.round(totalMs);
}

/** Bytes of `64m`, `1.5gb`, `512`; undefined when it is none. Units are binary and any case.
 *  @see Compose specification, "Specifying byte values" */
export function parseBytes(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?) ?([kmgtp]?)i?b?$/i.exec(text.trim());
  if (match === null) return undefined;
  const power = binaryPower[(match[2] ?? "").toLowerCase()] ?? 0;
  return Math.floor(Number(match[1]) * 1024 ** power);
}
