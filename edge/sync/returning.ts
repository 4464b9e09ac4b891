// Shows the hub what it once signed for this device: to one that does not know the device, or knows less than it.
import { delayMs } from "#shared/backoff.ts";
import { canonicalJson } from "#shared/canonical.ts";
import type { Clock } from "#shared/clock.ts";
import type { Envelope } from "#shared/envelope.ts";
import { asFleetError } from "#shared/errors.ts";
import type { ReturnRequest } from "#shared/gateway.ts";
import type { Gateway } from "./http.ts";
import type { Keepsakes } from "./keepsakes.ts";
import type { SyncJournal, SyncLogger } from "./port.ts";
import { createWake } from "./wake.ts";

export interface Returning {
  /** After the hub has refused this device's identity.
   *  @returns whether it knows the device now */
  vouch(signal: AbortSignal): Promise<boolean>;
  /** The hub has sent something older than what it sent before. */
  behind(): void;
  /** Tells the hub that it is behind, until the signal. Never throws. */
  run(signal: AbortSignal): Promise<void>;
}

/** A fleet that finds its hub restored does not tell it all at once. */
const spreadMs = 2000;
/** Between two times that the hub is told; it may have its reasons to be behind. */
const restMs = 30_000;
const backoff = { baseMs: 2000, maxMs: 60_000 };

export function createReturning(options: {
  gateway: Pick<Gateway, "giveBack">;
  journal: Pick<SyncJournal, "envelope">;
  keepsakes: Keepsakes;
  clock: Clock;
  /** Uniform in [0, 1). */
  random: () => number;
  logger: SyncLogger;
}): Returning {
  const { gateway, journal, keepsakes, clock, random, logger } = options;
  const wake = createWake();
  let underWay: Promise<boolean> | undefined;

  const giveBack = async (signal: AbortSignal): Promise<boolean> => {
    const [statement, desired, memo] = [
      keepsakes.statement(),
      journal.envelope(),
      keepsakes.memo(),
    ];
    const request: ReturnRequest = {
      ...(statement === undefined ? {} : { statement }),
      ...(desired === undefined ? {} : { desired }),
      ...(memo === undefined ? {} : { memo }),
    };
    const answer = await gateway.giveBack(request, signal);
    if (canonicalJson(answer.statement) !== canonicalJson(statement ?? null)) {
      keep(answer.statement);
    }
    return true;
  };
  /** The hub knows the device again, whether or not the disk takes the statement. */
  const keep = (statement: Envelope): void => {
    try {
      keepsakes.keepStatement(statement);
    } catch (thrown) {
      logger.warn(`the hub's statement cannot be kept: ${asFleetError(thrown).sentence}`);
    }
  };
  const tryOnce = (signal: AbortSignal): Promise<boolean> => {
    underWay ??= giveBack(signal)
      .catch((thrown: unknown) => {
        const { code, sentence } = asFleetError(thrown);
        logger.info({ code }, `the hub took nothing back: ${sentence}`);
        return false;
      })
      .finally(() => {
        underWay = undefined;
      });
    return underWay;
  };
  return {
    vouch: tryOnce,
    behind: wake.set,
    run: async (signal) => {
      for (let attempt = 0; !signal.aborted; ) {
        if (attempt === 0) await wake.wait(signal);
        await clock.sleep(random() * spreadMs, signal);
        if (signal.aborted) return;
        const isTold = await tryOnce(signal);
        attempt = isTold ? 0 : attempt + 1;
        await clock.sleep(isTold ? restMs : delayMs(attempt, random(), backoff), signal);
      }
    },
  };
}
