// Text as a terminal shows it: its width in cells, cut to fit, and without anything that steers the terminal.

const ascii = /^[\x20-\x7e]*$/;
const invisible = /^[\p{Mark}\p{Cf}]$/u;
const wide =
  /^[\u1100-\u115F\u2E80-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6\p{Emoji_Presentation}]$/u;

/** Cells that the text takes. */
export function widthOf(text: string): number {
  if (ascii.test(text)) return text.length;
  let cells = 0;
  for (const sign of text) cells += cellsOf(sign);
  return cells;
}

function cellsOf(sign: string): number {
  if (invisible.test(sign)) return 0;
  return wide.test(sign) ? 2 : 1;
}

/** The text in at most so many cells, with an ellipsis where something is missing. */
export function fit(text: string, cells: number): string {
  if (widthOf(text) <= cells) return text;
  let shown = "";
  let used = 0;
  for (const sign of text) {
    used += cellsOf(sign);
    if (used > cells - 1) break;
    shown += sign;
  }
  return cells < 1 ? "" : `${shown}…`;
}

export function pad(text: string, cells: number): string {
  return text + " ".repeat(Math.max(0, cells - widthOf(text)));
}

/** Line breaks become spaces; other control characters and marks that turn the direction of writing
 *  become visible escapes: what a device says must not move the cursor of the person who reads it. */
export function printable(text: string): string {
  if (ascii.test(text)) return text;
  return text
    .replace(/\s*[\r\n]+\s*/g, " ")
    .replace(/\t/g, " ")
    .replace(steering, (sign) => `\\u${hex(sign)}`);
}

const steering = /[\p{Cc}\u200E\u200F\u202A-\u202E\u2066-\u2069]/gu;

/** As `printable`, but keeps line breaks and tabs. */
export function printableLines(text: string): string {
  return text.replace(steering, (sign) =>
    sign === "\n" || sign === "\t" ? sign : `\\u${hex(sign)}`,
  );
}

function hex(sign: string): string {
  return (sign.codePointAt(0) ?? 0).toString(16).padStart(4, "0");
}

/** Words in lines of at most so many cells. */
export function wrap(text: string, cells: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (line !== "" && widthOf(longer) > cells) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return [...lines, line];
}
