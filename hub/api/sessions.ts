// Browser sessions of operators and the single-use codes that open them, kept in memory only.
import { randomBytes } from "node:crypto";
import { sha256 } from "#shared/canonical.ts";
import type { Clock } from "#shared/clock.ts";

export const sessionCookie = "fleet_session";
const sessionMs = 12 * 3_600_000;
const codeMs = 10 * 60_000;
/** Far above what people open; bounds the memory that a leaked token could take. */
const maxEntries = 1000;

export interface Sessions {
  /** Opens a session of this operator.
   *  @returns the cookie's value */
  open(operator: string): string;
  /** The operator of a session that has not ended. */
  find(id: string): string | undefined;
  close(id: string): void;
  /** A code for one sign-in within ten minutes. */
  issueCode(operator: string): { code: string; expiresAt: number };
  /** The operator whose code this is; the code is spent. */
  redeemCode(code: string): string | undefined;
}

export const sessionSeconds = sessionMs / 1000;

/** A restart of the hub ends all sessions: an operator signs in again. */
export function createSessions({ clock }: { clock: Clock }): Sessions {
  const sessions = createVault(clock, sessionMs);
  const codes = createVault(clock, codeMs);
  return {
    open: (operator) => sessions.add(operator),
    find: (id) => sessions.find(id),
    close: (id) => sessions.remove(id),
    issueCode: (operator) => ({ code: codes.add(operator), expiresAt: clock.now() + codeMs }),
    redeemCode: (code) => {
      const operator = codes.find(code);
      codes.remove(code);
      return operator;
    },
  };
}

interface Vault {
  add(owner: string): string;
  find(secret: string): string | undefined;
  remove(secret: string): void;
}

/** Random secrets with an owner and an end. Looked up by hash, so that timing tells nothing. */
function createVault(clock: Clock, lifeMs: number): Vault {
  const held = new Map<string, { owner: string; endsMs: number }>();
  const dropEnded = (): void => {
    for (const [hash, { endsMs }] of held) {
      // Insertion order is order of ending: one life for all.
      if (endsMs > clock.monotonicMs() && held.size < maxEntries) return;
      held.delete(hash);
    }
  };
  return {
    add: (owner) => {
      dropEnded();
      const secret = randomBytes(32).toString("base64url");
      held.set(sha256(secret), { owner, endsMs: clock.monotonicMs() + lifeMs });
      return secret;
    },
    find: (secret) => {
      const entry = held.get(sha256(secret));
      return entry !== undefined && entry.endsMs > clock.monotonicMs() ? entry.owner : undefined;
    },
    remove: (secret) => {
      held.delete(sha256(secret));
    },
  };
}
