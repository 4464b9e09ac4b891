// Keeps the newest memo that the hub has given this device.
import type { KeyObject } from "node:crypto";
import type { Envelope } from "#shared/envelope.ts";
import { asFleetError } from "#shared/errors.ts";
import type { DeviceId } from "#shared/ids.ts";
import { openMemo } from "#shared/memo.ts";
import type { Keepsakes } from "./keepsakes.ts";
import type { SyncLogger } from "./port.ts";

export interface MemoKeeper {
  /** Never throws: nothing on the device rests on it. */
  receive(memo: Envelope): void;
}

export function createMemoKeeper(options: {
  device: DeviceId;
  trusted: ReadonlyMap<string, KeyObject>;
  keepsakes: Pick<Keepsakes, "memo" | "keepMemo">;
  logger: SyncLogger;
  /** An older one came: the hub does not know the newer. */
  onBehind: () => void;
}): MemoKeeper {
  const { device, trusted, keepsakes, logger, onBehind } = options;
  const versionOf = (envelope: Envelope | undefined): number =>
    (envelope && openMemo(envelope, device, trusted)?.version) ?? 0;
  let held = versionOf(keepsakes.memo());
  return {
    receive: (memo) => {
      const version = versionOf(memo);
      if (version === 0 || version === held) return;
      if (version < held) return onBehind();
      held = version;
      try {
        keepsakes.keepMemo(memo);
      } catch (thrown) {
        logger.warn(`the hub's memo cannot be kept: ${asFleetError(thrown).sentence}`);
      }
    },
  };
}
