// How the local token is written: short groups that a person can copy from a screen without mistakes.
import { randomBytes } from "node:crypto";

/** Crockford's base32: no i, l, o or u. @see https://www.crockford.com/base32.html */
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
const groups = 7;
const groupLength = 4;
/** Shorter ones that someone put into the file are not taken. */
const leastLength = 16;

/** 140 random bits, e.g. `k3m9-0vxe-…`. */
export function newToken(): string {
  // 256 is a multiple of 32, so no letter is likelier than another.
  const letters = Array.from(randomBytes(groups * groupLength), (byte) => alphabet[byte % 32]);
  return Array.from({ length: groups }, (_, at) =>
    letters.slice(at * groupLength, (at + 1) * groupLength).join(""),
  ).join("-");
}

/** What counts of a token: case, dashes and spaces do not, and look-alikes are the same. Pure. */
export function plainToken(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9]/g, "")
    .replace(/[il]/g, "1")
    .replace(/o/g, "0");
}

/** The token in a file's first line, or undefined when there is none to use. Pure. */
export function tokenIn(content: string): string | undefined {
  const [line = ""] = content.split(/\r?\n/, 1);
  return plainToken(line).length < leastLength ? undefined : line.trim();
}
