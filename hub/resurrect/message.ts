// The message that carries a desired state, with the memo beside it.
import type { Envelope } from "#shared/envelope.ts";
import type { DesiredMessage } from "#shared/wire.ts";

export function messageOf(
  envelope: Envelope,
  memo: { envelope: Envelope } | undefined,
): DesiredMessage {
  return memo === undefined ? envelope : { ...envelope, memo: memo.envelope };
}
