// Takes back what devices hold in the hub's own hand: their identity, their desired state, and the hub's memo.
import { createPublicKey } from "node:crypto";
import type { Bus } from "#hub/bus.ts";
import type { DesiredController } from "#hub/desired/controller.ts";
import type { SigningKey } from "#hub/desired/keys.ts";
import { readStatement, sealStatement } from "#hub/enrol/statement.ts";
import { createAnnouncer } from "#hub/release/announce.ts";
import { migrations } from "#hub/store/migrations.ts";
import type { DesiredRow, Store } from "#hub/store/port.ts";
import { sha256 } from "#shared/canonical.ts";
import type { Clock } from "#shared/clock.ts";
import { specHash } from "#shared/desired.ts";
import { desiredPayloadType, type Envelope, openDesired } from "#shared/envelope.ts";
import { FleetError } from "#shared/errors.ts";
import type { ReturnRequest, ReturnResponse } from "#shared/gateway.ts";
import type { DeviceId } from "#shared/ids.ts";
import { openMemo } from "#shared/memo.ts";
import { createQueue } from "#shared/serial.ts";
import type { Memos } from "./memos.ts";
import type { FleetPause } from "./pause.ts";
import { contentOf } from "./seal.ts";

// INVARIANTS
// 1. Nothing is believed but what this hub's key has signed, and of that nothing that is older than what the
//    store has. So neither a device nor an old document can take anything back.
// 2. The fleet is paused before anything is taken in that this hub did not know: what it would ask of devices
//    rests on less than they have been told.
// 3. Taken twice, a return changes nothing.

interface Options {
  store: Pick<
    Store,
    "identity" | "takeBack" | "desired" | "mergeOwn" | "mergeFleet" | "memos" | "addEvents"
  >;
  desired: Pick<DesiredController, "adopt">;
  memos: Pick<Memos, "of" | "took" | "fleetVersion">;
  pause: FleetPause;
  key: SigningKey;
  bus: Bus;
  clock: Clock;
  /** Ends what an earlier identity of the device still has open. */
  readonly disconnect: (device: DeviceId) => void;
  /** Rollouts and pins have changed in the store, behind the back of those who hold them. */
  readonly onMerged: () => Promise<void>;
}

export interface Returns {
  /** @returns undefined when the device has not proved who it is
   *  @throws FleetError store_unavailable, also when too many devices return at once */
  take(
    device: DeviceId,
    secret: string,
    request: ReturnRequest,
  ): Promise<ReturnResponse | undefined>;
}

/** Devices that wait for their turn; the others are told to come again. */
const maxWaiting = 256;
const schema = migrations.at(-1)?.id ?? 0;

/** Newer than what the store has. */
interface News {
  desired?: DesiredRow;
  memo?: {
    version: number;
    envelope: Envelope;
    content: NonNullable<ReturnType<typeof contentOf>>;
  };
}

export function createReturns(options: Options): Returns {
  const { store, desired, memos, pause, key, bus } = options;
  const trusted = new Map([[key.id, createPublicKey(key.publicPem)]]);
  const announce = createAnnouncer(options);
  const alone = createQueue();
  let waiting = 0;

  const newDesired = async (device: DeviceId, envelope: Envelope | undefined) => {
    if (envelope?.payloadType !== desiredPayloadType) return undefined;
    const { generation, issuedAt, ...content } = openDesired(envelope, trusted);
    if (content.device !== device) return undefined;
    if (generation <= ((await store.desired(device))?.generation ?? 0)) return undefined;
    const row = { device, generation, issuedAt, content, envelope };
    return { ...row, specHash: specHash(content) };
  };
  const newMemo = (device: DeviceId, envelope: Envelope | undefined): News["memo"] => {
    const memo = envelope && openMemo(envelope, device, trusted);
    if (envelope === undefined || memo === undefined) return undefined;
    if (memo.version <= (memos.of(device)?.version ?? 0)) return undefined;
    const content = contentOf(memo, schema);
    return content === undefined ? undefined : { version: memo.version, envelope, content };
  };
  const takeIn = async (device: DeviceId, news: News): Promise<void> => {
    if (news.memo !== undefined) {
      const { content, version, envelope } = news.memo;
      const { own, fleet } = content;
      const isNewest = fleet !== undefined && fleet.version > memos.fleetVersion();
      if (isNewest) {
        for (const revoked of await store.mergeFleet(fleet)) end(revoked);
        await mergeKnown();
      }
      await store.mergeOwn(device, own);
      await memos.took({ device, version, envelope, hash: "" }, content);
      if (isNewest || pause.state() === null) await options.onMerged();
    }
    if (news.desired !== undefined) await desired.adopt(news.desired);
  };
  /** It may have returned before the word came that it may not. */
  const end = (id: DeviceId): void => {
    options.disconnect(id);
    bus.emit("membership", id);
  };
  /** Rows of devices that came before the rollouts they belong to. */
  const mergeKnown = async (): Promise<void> => {
    for (const { device, envelope, hash } of await store.memos()) {
      const memo = hash === "" ? openMemo(envelope, device, trusted) : undefined;
      const content = memo && contentOf(memo, schema);
      if (content !== undefined) await store.mergeOwn(device, content.own);
    }
  };
  const take = async (
    device: DeviceId,
    secret: string,
    request: ReturnRequest,
  ): Promise<ReturnResponse | undefined> => {
    const hash = sha256(secret);
    const before = await store.identity(device);
    const isKnown = before?.secretHash === hash;
    const said =
      isKnown || request.statement === undefined
        ? undefined
        : readStatement(request.statement, trusted, { device, secretHash: hash });
    if (!isKnown && said === undefined) return undefined;
    const row = await newDesired(device, request.desired);
    const memo = newMemo(device, request.memo);
    const news: News = {
      ...(row === undefined ? {} : { desired: row }),
      ...(memo === undefined ? {} : { memo }),
    };
    await notice(device, Math.max(row?.issuedAt ?? 0, memo?.version ?? 0));
    const outcome = said === undefined ? "same" : await store.takeBack(said);
    if (outcome === "newer") return undefined;
    if (outcome === "replaced") options.disconnect(device);
    await takeIn(device, news);
    if (outcome !== "same") await announce(returned(device));
    if (outcome !== "same" || row !== undefined || memo !== undefined) {
      bus.emit("membership", device);
      bus.emit("device", device);
    }
    const identity = await store.identity(device);
    return identity === null ? undefined : { statement: sealStatement(identity, key) };
  };
  const notice = async (device: DeviceId, toldAt: number): Promise<void> => {
    if (toldAt <= pause.resumedAt() || pause.state() !== null) return;
    const when = new Date(toldAt).toISOString();
    await pause.begin(
      "restored",
      `${device} holds what this hub told it at ${when} and does not know any more: the hub's store is an older copy`,
    );
  };

  return {
    take: async (device, secret, request) => {
      if (waiting >= maxWaiting) throw overloaded();
      waiting += 1;
      try {
        return await alone(() => take(device, secret, request));
      } finally {
        waiting -= 1;
      }
    },
  };
}

function returned(device: DeviceId) {
  const message = `${device} was not known and proved by the hub's own signature that it belongs here`;
  return { type: "Normal", reason: "DeviceReturned", message, device } as const;
}

function overloaded(): FleetError {
  return new FleetError("store_unavailable", {
    message: "too many devices return at once",
    hint: "The device comes again by itself.",
  });
}
