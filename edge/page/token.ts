// The local token: who can type it stands at the device, or can read its disk.
import { createHmac, timingSafeEqual } from "node:crypto";
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { Clock } from "#shared/clock.ts";
import { errnoOf, ifPresent, makeDirectory, writeFileAtomic } from "#shared/files.ts";
import { newToken, plainToken, tokenIn } from "./token_words.ts";

export interface TokenLog {
  info(detail: Record<string, unknown>, message: string): void;
  warn(detail: Record<string, unknown>, message: string): void;
}

interface Options {
  file: string;
  clock: Pick<Clock, "sleep">;
  log: TokenLog;
  /** Shows the token itself; undefined where nobody looks at the console. */
  print?: ((sentence: string) => void) | undefined;
}

export interface PageToken {
  /** Where it is written, for people. */
  readonly file: string;
  /** Reads the file or makes it, and follows its changes. Never fails: without a disk the token lives in
   *  memory. */
  start(): Promise<void>;
  stop(): void;
  /** In constant time. */
  matches(typed: string): boolean;
  /** A mark that only this token makes; it ends with the token. */
  sign(text: string): string;
}

const lookEveryMs = 5000;

export function createPageToken({ file, clock, log, print }: Options): PageToken {
  let token = newToken();
  /** The file held this token, so that its loss means that someone wants another one. */
  let isKept = false;
  let fault: string | undefined;
  const stopping = new AbortController();

  const tell = (change: string): void => {
    fault = undefined;
    if (print === undefined) log.info({ file }, `the page's token ${change}; it is in the file`);
    else print(`The page's token ${change}: ${token} (also in ${file})`);
  };

  /** Once per reason, not once per look. */
  const tellFault = (error: unknown): void => {
    const reason = errnoOf(error) ?? String(error);
    if (reason === fault) return;
    fault = reason;
    const message = "the file of the page's token cannot be used; the token is kept in memory";
    log.warn({ file, reason }, message);
    if (!isKept) print?.(`The page's token, until the agent ends: ${token}`);
  };

  const make = async (): Promise<void> => {
    if (isKept) token = newToken();
    isKept = false;
    await makeDirectory(dirname(file));
    await writeFileAtomic(file, `${token}\n`, 0o600);
    isKept = true;
    tell("was made");
  };

  const look = async (): Promise<void> => {
    const found = tokenIn((await ifPresent(readFile(file, "utf8"))) ?? "");
    if (found === undefined) return make();
    const isSame = isKept && found === token;
    token = found;
    isKept = true;
    if (!isSame) tell("was read");
  };

  const follow = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await clock.sleep(lookEveryMs, stopping.signal);
      if (!stopping.signal.aborted) await look().catch(tellFault);
    }
  };

  const hash = (text: string): Buffer =>
    createHmac("sha256", "page token").update(plainToken(text)).digest();

  return {
    file,
    start: async () => {
      await look().catch(tellFault);
      void follow();
    },
    stop: () => stopping.abort(),
    matches: (typed) => timingSafeEqual(hash(typed), hash(token)),
    sign: (text) => createHmac("sha256", plainToken(token)).update(text).digest("base64url"),
  };
}
