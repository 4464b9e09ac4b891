// Cuts bytes into lines as they arrive, keeping no more of an unfinished one than a line may have.
export interface LineCutter {
  /** The lines that are whole now. */
  push(bytes: Buffer): string[];
  /** Bytes are missing here: what had begun never ends. */
  skip(): void;
  /** Bytes of lines that were too long or never ended, since the last call. */
  takeDropped(): number;
}

const lineFeed = 0x0a;

export function createLineCutter(maxLineBytes: number): LineCutter {
  let parts: Buffer[] = [];
  let held = 0;
  let dropped = 0;
  const keep = (part: Buffer): void => {
    const room = Math.max(0, maxLineBytes - held);
    // A copy: the part may belong to a large buffer, which would stay in memory for it.
    if (room > 0) parts.push(Buffer.from(part.subarray(0, room)));
    held += Math.min(room, part.length);
    dropped += Math.max(0, part.length - room);
  };
  const finish = (): string => {
    const line = Buffer.concat(parts).toString("utf8").replace(/\r$/, "");
    parts = [];
    held = 0;
    return line;
  };
  return {
    push: (bytes) => {
      const lines: string[] = [];
      let from = 0;
      for (let end = bytes.indexOf(lineFeed); end !== -1; end = bytes.indexOf(lineFeed, from)) {
        keep(bytes.subarray(from, end));
        lines.push(finish());
        from = end + 1;
      }
      keep(bytes.subarray(from));
      return lines;
    },
    skip: () => {
      dropped += held;
      parts = [];
      held = 0;
    },
    takeDropped: () => {
      const taken = dropped;
      dropped = 0;
      return taken;
    },
  };
}
