// Seals what a memo says under the hub's key, bounded, and reads it again.
import { gunzipSync, gzipSync } from "node:zlib";
import type { SigningKey } from "#hub/desired/keys.ts";
import type { MemoContent } from "#hub/store/memo_port.ts";
import { canonicalJson } from "#shared/canonical.ts";
import { type Envelope, seal } from "#shared/envelope.ts";
import { FleetError } from "#shared/errors.ts";
import type { DeviceId } from "#shared/ids.ts";
import { type Memo, maxMemoBytes, memoPayloadType } from "#shared/memo.ts";

/** Only this hub can have sealed a memo; it still reads no more than it can have written. */
const maxContentBytes = 16 * 1024 * 1024;

/** What is left out when a memo would be too large: the older half of these, again and again. */
const history = ["runs", "rollout_devices", "bisects", "rollouts"];

/** @throws FleetError message_too_large when even without history it does not fit */
export function sealMemo(
  device: DeviceId,
  version: number,
  content: MemoContent,
  key: SigningKey,
): Envelope {
  for (let fitting: MemoContent | undefined = content; ; ) {
    const text = gzipSync(canonicalJson(fitting)).toString("base64");
    const memo: Memo = { device, version, content: text };
    if (Buffer.byteLength(canonicalJson(memo)) <= maxMemoBytes)
      return seal(memoPayloadType, memo, key.privateKey, key.id);
    fitting = shorter(fitting);
    if (fitting === undefined) throw tooLarge(device);
  }
}

/** Undefined when no history is left. */
function shorter(content: MemoContent): MemoContent | undefined {
  const { own, fleet } = content;
  const lists = [own, ...(fleet === undefined ? [] : [fleet.rows])];
  if (!lists.some((rows) => history.some((table) => (rows[table] ?? []).length > 1))) {
    return undefined;
  }
  const half = (rows: MemoContent["own"]): MemoContent["own"] =>
    Object.fromEntries(
      Object.entries(rows).map(([table, all]) => [
        table,
        history.includes(table) ? all.slice(0, Math.ceil(all.length / 2)) : all,
      ]),
    );
  return {
    ...content,
    own: half(own),
    ...(fleet === undefined ? {} : { fleet: { ...fleet, rows: half(fleet.rows) } }),
  };
}

/** Undefined when a newer hub wrote it in a way that this one does not read.
 *  @param schema the newest migration that this hub knows */
export function contentOf({ content }: Memo, schema: number): MemoContent | undefined {
  const bytes = gunzipSync(Buffer.from(content, "base64"), { maxOutputLength: maxContentBytes });
  const read = JSON.parse(bytes.toString("utf8")) as MemoContent;
  return read.schema > schema ? undefined : read;
}

function tooLarge(device: DeviceId): FleetError {
  return new FleetError("message_too_large", {
    message: `the memo for ${device} does not fit into ${maxMemoBytes} bytes`,
    hint: "Remove pins and edits that are not needed any more.",
    subject: device,
  });
}
