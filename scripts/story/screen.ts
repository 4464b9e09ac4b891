// What a terminal shows of a program's output: lines of coloured text, and each picture that was drawn over.

/** Text in one rendition; `code` as the program chose it, such as `1` or `32`, empty for the usual one. */
export interface Span {
  text: string;
  code: string;
}
export type Line = readonly Span[];

export interface Shown {
  /** What stands there at the end. */
  lines: Line[];
  /** Pictures that the program drew over later, oldest first. */
  pictures: Line[][];
}

const esc = String.fromCharCode(27);
const token = new RegExp(`${esc}\\[([0-9]*)([A-Za-z])|\\r|\\n|[^${esc}\\r\\n]+`, "g");

/** Knows what `fleet` and Git write: colours, lines, a line begun anew, and a picture drawn over. */
export function show(output: string): Shown {
  const lines: Line[] = [[]];
  const pictures: Line[][] = [];
  let code = "";
  for (const [piece, argument = "", letter] of output.matchAll(token)) {
    if (letter === "m") code = argument === "0" ? "" : argument;
    else if (letter === "A") pictures.push(takePicture(lines, Number(argument)));
    else if (letter === "K") lines.splice(-1, 1, []);
    else if (piece === "\n") lines.push([]);
    else if (letter === undefined && piece !== "\r") {
      lines.push([...(lines.pop() ?? []), { text: piece, code }]);
    }
  }
  if (lines.at(-1)?.length === 0) lines.pop();
  return { lines, pictures };
}

/** The program is at the begin of the line below its picture, and goes up to draw another one. */
function takePicture(lines: Line[], height: number): Line[] {
  lines.pop();
  const picture = lines.splice(Math.max(0, lines.length - height));
  lines.push([]);
  return picture;
}

/** Breaks a line as a terminal does that has no more columns. */
export function broken(line: Line, columns: number): Line[] {
  const rows: Span[][] = [[]];
  let room = columns;
  for (const { text, code } of line) {
    for (let rest = text; rest !== ""; ) {
      if (room === 0) {
        rows.push([]);
        room = columns;
      }
      const piece = rest.slice(0, room);
      rows.at(-1)?.push({ text: piece, code });
      rest = rest.slice(piece.length);
      room -= piece.length;
    }
  }
  return rows;
}

export function plain(line: Line): string {
  return line
    .map(({ text }) => text)
    .join("")
    .trimEnd();
}
