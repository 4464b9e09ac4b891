// Reads a template sign by sign and knows where it is, for the words of a refusal.
import { refusedTemplate } from "./template.ts";

export interface Scanner {
  readonly isAtEnd: boolean;
  /** Moves past the text if it comes next. */
  takes(text: string): boolean;
  /** @throws FleetError request_invalid when something else comes next */
  expect(text: string): void;
  /** What matches from here; moves past it. The pattern is sticky. */
  match(pattern: RegExp): string | undefined;
  skipSpaces(): void;
  /** @throws always */
  refuse(why: string): never;
}

export function createScanner(text: string): Scanner {
  let at = 0;
  const refuse = (why: string): never => {
    throw refusedTemplate(text, at, why);
  };
  const takes = (expected: string): boolean => {
    if (!text.startsWith(expected, at)) return false;
    at += expected.length;
    return true;
  };
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0];
    at += found?.length ?? 0;
    return found;
  };
  return {
    get isAtEnd() {
      return at >= text.length;
    },
    takes,
    match,
    refuse,
    expect: (expected) => {
      if (!takes(expected)) refuse(`"${expected}" is missing`);
    },
    skipSpaces: () => void match(/\s*/y),
  };
}
