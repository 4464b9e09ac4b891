// Bounds the body of an entry, so that one long message can never block the way to the hub.

const maxBodyBytes = 32 * 1024;
const maxTextLength = 4096;

/** The body as JSON of at most 32 KiB: long strings are cut, and what is still too large is replaced
 *  by its size. */
export function boundedBody(body: Record<string, unknown>): string {
  const whole = JSON.stringify(body);
  if (Buffer.byteLength(whole) <= maxBodyBytes) return whole;
  const cut = JSON.stringify(body, (_key, value: unknown) => shortened(value));
  const bytes = Buffer.byteLength(cut);
  return bytes <= maxBodyBytes ? cut : JSON.stringify({ omittedBytes: Buffer.byteLength(whole) });
}

function shortened(value: unknown): unknown {
  if (typeof value !== "string" || value.length <= maxTextLength) return value;
  return `${value.slice(0, maxTextLength).toWellFormed()}…`;
}
