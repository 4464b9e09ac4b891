// Where the command writes: data to one stream, words to the other, each with what it can show.
import { createPaint, type Paint, wantsColour } from "./colour.ts";

export interface Terminal {
  /** One or more lines of data; the line break is added. */
  out(text: string): void;
  /** A line for a person. */
  say(text: string): void;
  /** A line that the next word or `undefined` takes the place of; nothing where words are not on a terminal. */
  progress(text: string | undefined): void;
  /** Whether data goes to a person. */
  readonly isInteractive: boolean;
  /** Whether a question would be seen and could be answered. */
  readonly canAsk: boolean;
  /** Cells of a line of data; undefined when it goes to a pipe or a file. */
  readonly width: number | undefined;
  /** Lines of a terminal; undefined when data goes to a pipe or a file, or the terminal does not say. */
  readonly height: number | undefined;
  /** For data. */
  readonly paint: Paint;
  /** For words. */
  readonly paintWords: Paint;
}

interface Streams {
  stdin: { isTTY?: boolean };
  stdout: NodeJS.WritableStream & { isTTY?: boolean; columns?: number; rows?: number };
  stderr: NodeJS.WritableStream & { isTTY?: boolean; columns?: number };
  env: NodeJS.ProcessEnv;
}

export function createTerminal({ stdin, stdout, stderr, env }: Streams): Terminal {
  const isInteractive = stdout.isTTY === true;
  const showsWords = stderr.isTTY === true;
  let hasProgress = false;
  const erase = (): void => {
    if (hasProgress) stderr.write("\r\u001B[K");
    hasProgress = false;
  };
  return {
    out: (text) => {
      erase();
      stdout.write(`${text}\n`);
    },
    say: (text) => {
      erase();
      stderr.write(`${text}\n`);
    },
    progress: (text) => {
      if (!showsWords || env["TERM"] === "dumb") return;
      erase();
      if (text === undefined) return;
      stderr.write(text);
      hasProgress = true;
    },
    isInteractive,
    canAsk: stdin.isTTY === true && showsWords,
    // Asked anew each time, since a person may change its size. One that does not know it, such as a fresh pty, says 0.
    get width() {
      return isInteractive ? stdout.columns || 80 : undefined;
    },
    get height() {
      return isInteractive ? stdout.rows || undefined : undefined;
    },
    paint: createPaint(wantsColour(env, isInteractive)),
    paintWords: createPaint(wantsColour(env, showsWords)),
  };
}
