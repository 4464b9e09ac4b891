// Cuts a byte stream into MQTT 3.1.1 packets and makes PUBLISH packets: as much as meddling takes.

/** One control packet; topic and payload are there when it is a PUBLISH. */
export interface Packet {
  bytes: Buffer;
  topic?: string;
  payload?: Buffer;
}

const publishType = 3;

/** @returns takes chunks and gives the packets that are complete by then */
export function createSplitter(): (chunk: Buffer) => Packet[] {
  let rest = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    const packets: Packet[] = [];
    for (let end = lengthOf(rest); end !== undefined && end <= rest.length; end = lengthOf(rest)) {
      packets.push(readPacket(rest.subarray(0, end)));
      rest = rest.subarray(end);
    }
    return packets;
  };
}

/** Of the first packet, with its header; undefined while its length is not known.
 *  @see MQTT 3.1.1, section 2.2.3 */
function lengthOf(bytes: Buffer): number | undefined {
  let length = 0;
  for (let at = 1; at < 5; at += 1) {
    const digit = bytes[at];
    if (digit === undefined) return undefined;
    length += (digit & 0x7f) * 128 ** (at - 1);
    if ((digit & 0x80) === 0) return at + 1 + length;
  }
  throw new TypeError("a packet's length takes more than four bytes");
}

function readPacket(bytes: Buffer): Packet {
  const first = bytes[0] ?? 0;
  if (first >> 4 !== publishType) return { bytes };
  let at = 2;
  while (((bytes[at - 1] ?? 0) & 0x80) !== 0) at += 1;
  const topicEnd = at + 2 + bytes.readUInt16BE(at);
  const qos = (first >> 1) & 3;
  return {
    bytes,
    topic: bytes.toString("utf8", at + 2, topicEnd),
    payload: bytes.subarray(topicEnd + (qos > 0 ? 2 : 0)),
  };
}

/** @param options.id of a message with quality of service 1; without it the message has 0 */
export function publishPacket(
  topic: string,
  payload: Uint8Array,
  options: { id?: number; retain?: boolean } = {},
): Packet {
  const { id, retain = false } = options;
  const name = Buffer.from(topic);
  const size = Buffer.alloc(2);
  size.writeUInt16BE(name.length);
  const mark = Buffer.alloc(id === undefined ? 0 : 2);
  if (id !== undefined) mark.writeUInt16BE(id);
  const body = Buffer.concat([size, name, mark, payload]);
  const first = (publishType << 4) | (id === undefined ? 0 : 2) | (retain ? 1 : 0);
  return {
    topic,
    payload: Buffer.from(payload),
    bytes: Buffer.concat([Buffer.from([first]), lengthBytes(body.length), body]),
  };
}

function lengthBytes(length: number): Buffer {
  const digits: number[] = [];
  let rest = length;
  do {
    const digit = rest % 128;
    rest = Math.floor(rest / 128);
    digits.push(rest > 0 ? digit | 0x80 : digit);
  } while (rest > 0);
  return Buffer.from(digits);
}
