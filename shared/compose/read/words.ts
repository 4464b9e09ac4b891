// Splits a command line into words as a POSIX shell would, without expanding anything.

type Quote = "'" | '"' | undefined;

/** Undefined when a quote is left open.
 *  @see Compose specification, "command" */
export function shellWords(line: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let quote: Quote;
  for (let at = 0; at < line.length; at += 1) {
    const char = line.charAt(at);
    if (quote === undefined && /\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (char === quote) {
      quote = undefined;
    } else if (quote === undefined && (char === "'" || char === '"')) {
      quote = char;
      word ??= "";
    } else if (char === "\\" && escapes(quote, line.charAt(at + 1))) {
      at += 1;
      word = (word ?? "") + continued(line.charAt(at));
    } else {
      word = (word ?? "") + char;
    }
  }
  if (quote !== undefined) return undefined;
  return word === undefined ? words : [...words, word];
}

/** In double quotes a backslash stands for itself unless it protects one of these. */
function escapes(quote: Quote, next: string): boolean {
  if (quote === undefined) return next !== "";
  return quote === '"' && ['"', "\\", "$", "`", "\n"].includes(next);
}

/** A backslash before a line's end joins the lines. */
function continued(char: string): string {
  return char === "\n" ? "" : char;
}
