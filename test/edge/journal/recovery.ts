// A journal with something to lose: signed desired state, quarantine, attempt, remembered values.
import * as assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { Journal } from "#edge/journal/port.ts";
import { type RecoverOptions, recoverJournal } from "#edge/journal/recover.ts";
import { readShadow, shadowFile } from "#edge/journal/shadow.ts";
import { systemClock } from "#shared/clock.ts";
import type { DesiredState } from "#shared/desired.ts";
import { type Envelope, keyIdOf, openDesired, sealDesired } from "#shared/envelope.ts";
import type { EventBody } from "#shared/journal.ts";
import { attempt, desiredState } from "./fixture.ts";

const { privateKey, publicKey } = generateKeyPairSync("ed25519");
const keyId = keyIdOf(publicKey);
const trusted = new Map([[keyId, publicKey]]);

export function sealed(generation: number): { desired: DesiredState; envelope: Envelope } {
  const desired = desiredState(generation);
  return { desired, envelope: sealDesired(desired, privateKey, keyId) };
}

export interface Recovered {
  journal: Journal;
  warnings: string[];
}

export async function recover(
  file: string,
  changes: Partial<RecoverOptions> = {},
): Promise<Recovered> {
  const warnings: string[] = [];
  const journal = await recoverJournal({
    file,
    clock: systemClock,
    bootId: "boot-1",
    verify: (envelope) => openDesired(envelope, trusted),
    warn: (message) => warnings.push(message),
    ...changes,
  });
  return { journal, warnings };
}

/** What must come back: generation 7, one quarantined revision, one open attempt, one remembered value. */
export function furnish(journal: Journal): void {
  const { desired, envelope } = sealed(7);
  journal.receive(desired, envelope);
  journal.saveAttempt(attempt("bad"));
  journal.closeAttempt(attempt("bad"), "rolledBack", { quarantine: true });
  journal.saveAttempt(attempt("open", { stage: "probe", tries: 2 }));
  journal.remember("honouredRetry", 3);
  for (let i = 0; i < 300; i++) {
    journal.append({ kind: "event", body: { type: "Normal", text: "x".repeat(200), i } });
  }
}

/** All of it, whatever the epoch. */
export function holdings(journal: Journal): unknown {
  return {
    desired: journal.desired(),
    quarantined: journal.quarantined(),
    attempts: journal.openAttempts(),
    retry: journal.recall("honouredRetry"),
  };
}

/** A closed journal, furnished, with its shadow written. */
export async function furnished(file: string): Promise<{ epoch: string; held: unknown }> {
  const { journal } = await recover(file);
  furnish(journal);
  const { epoch } = journal;
  const held = holdings(journal);
  await shadowed(journal, file);
  journal.close();
  return { epoch, held };
}

/** Waits until the shadow knows all of it. */
export async function shadowed(journal: Journal, file: string): Promise<void> {
  const wanted = [journal.quarantined(), journal.openAttempts(), journal.recall("honouredRetry")];
  for (;;) {
    const { state } = await readShadow(shadowFile(file));
    const { quarantined, attempts, remembered } = state ?? {};
    const known = [quarantined, attempts, remembered?.["honouredRetry"]];
    if (state?.epoch === journal.epoch && isDeepStrictEqual(known, wanted)) return;
    await systemClock.sleep(5);
  }
}

export function events(journal: Journal, reason: string): EventBody[] {
  return journal
    .entries({ kinds: ["event"], limit: 10_000 })
    .map(({ body }) => body as EventBody)
    .filter((body) => body.reason === reason);
}

export function onlyEvent(journal: Journal, reason: string): string {
  const [event, ...others] = events(journal, reason);
  assert.ok(event, `no event ${reason}`);
  assert.deepEqual(others, []);
  return event.message;
}
