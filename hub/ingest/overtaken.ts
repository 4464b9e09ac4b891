// Tells what a device said from what it has said anew since: a message may come twice, or too late.

/** Where a message stands among those of its kind. */
export interface Said {
  bootId: string;
  /** Ms since that boot; absent from agents that do not say it. */
  monotonicMs?: number;
}

/** A newer one of the same boot is known. What two boots have said cannot be ordered. Pure. */
export function isOvertaken(message: Said, newest: Said | undefined): boolean {
  if (newest?.monotonicMs === undefined || message.monotonicMs === undefined) return false;
  return message.bootId === newest.bootId && message.monotonicMs < newest.monotonicMs;
}
