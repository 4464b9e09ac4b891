// Enrolment tokens: stored hashed, redeemed once, by one device and nonce.
import type { Kysely } from "kysely";
import type { DeviceId } from "#shared/ids.ts";
import type { Store } from "./port.ts";
import type { Tables } from "./tables.ts";

export function tokenStore(db: Kysely<Tables>): Pick<Store, "addToken" | "redeemToken"> {
  return {
    addToken: async ({ hash, expiresAt, device, createdAt }) => {
      await db
        .insertInto("tokens")
        .values({
          hash,
          expires_at: expiresAt,
          device,
          created_at: createdAt,
          used_by: null,
          used_nonce: null,
          used_at: null,
        })
        .execute();
    },
    redeemToken: (hash, device, nonce, now) => redeem(db, hash, device, nonce, now),
  };
}

/** One statement, so that of two devices with the same token only one can win. A token for any device
 *  makes new ones only: to take the place of one that is there, it must have been issued for that one.
 *  Again only while no other identity has followed and this one was not ended: who has heard the first request
 *  could otherwise bring it back. */
async function redeem(
  db: Kysely<Tables>,
  hash: string,
  device: DeviceId,
  nonce: string,
  now: number,
): Promise<boolean> {
  const redeemed = await db
    .updateTable("tokens")
    .set({ used_by: device, used_nonce: nonce, used_at: now })
    .where("hash", "=", hash)
    .where("expires_at", ">", now)
    .where((eb) => {
      const isOver = eb
        .selectFrom("devices")
        .select("id")
        .where("id", "=", device)
        .where(({ eb: of, or, and, ref }) =>
          or([
            of("identity_at", ">", ref("tokens.used_at")),
            // No secret has this hash: the identity was ended.
            and([of("identity_at", "=", ref("tokens.used_at")), of("secret_hash", "=", "")]),
          ]),
        );
      const again = eb.and([
        eb("used_by", "=", device),
        eb("used_nonce", "=", nonce),
        eb.not(eb.exists(isOver)),
      ]);
      const isNew = eb.not(
        eb.exists(eb.selectFrom("devices").select("id").where("id", "=", device)),
      );
      const first = eb("used_by", "is", null);
      const own = eb("device", "=", device);
      const open = eb("device", "is", null);
      return eb.or([again, eb.and([first, own]), eb.and([first, open, isNew])]);
    })
    .returning("hash")
    .execute();
  return redeemed.length === 1;
}
