// The hub's signed word that a device has proved itself with a secret of this hash: sealed, and read again.
import type { KeyObject } from "node:crypto";
import type { SigningKey } from "#hub/desired/keys.ts";
import type { Identity } from "#hub/store/memo_port.ts";
import { EnrolmentStatement, statementPayloadType } from "#shared/enrolment.ts";
import { type Envelope, open, seal } from "#shared/envelope.ts";
import type { DeviceId } from "#shared/ids.ts";

export function sealStatement(identity: Identity, key: SigningKey): Envelope {
  const statement: EnrolmentStatement = identity;
  return seal(statementPayloadType, statement, key.privateKey, key.id);
}

/** What the hub once said of this device and a secret of this hash; undefined when it said no such thing. */
export function readStatement(
  envelope: Envelope,
  trusted: ReadonlyMap<string, KeyObject>,
  { device, secretHash }: { device: DeviceId; secretHash: string },
): EnrolmentStatement | undefined {
  const payload = open(envelope, statementPayloadType, trusted);
  if (payload === undefined) return undefined;
  const said = EnrolmentStatement.safeParse(JSON.parse(payload.toString("utf8"))).data;
  return said?.device === device && said.secretHash === secretHash ? said : undefined;
}
