// The agent's own last log lines, kept in memory for the page.
export interface LogTail {
  /** What the logger writes: one line or several. */
  write(text: string): void;
  /** Oldest first. */
  last(count: number): string[];
}

export const maxLines = 1000;
/** A longer line is cut: a thousand of them must fit into a Pi's memory. */
const maxLineLength = 4000;

export function createLogTail(): LogTail {
  let lines: string[] = [];
  return {
    write: (text) => {
      for (const line of text.split("\n")) {
        if (line !== "") lines.push(line.slice(0, maxLineLength));
      }
      // In large steps: moving all lines for each new one would be work for nothing.
      if (lines.length > maxLines * 2) lines = lines.slice(-maxLines);
    },
    last: (count) => lines.slice(-Math.min(count, maxLines)),
  };
}
