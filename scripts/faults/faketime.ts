// A wall clock for one program alone, which can be set at any moment while it runs, with libfaketime.
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";

/** Where Debian has it, by its names for processors. */
const processors: Partial<Record<NodeJS.Architecture, string>> = {
  x64: "x86_64-linux-gnu",
  arm64: "aarch64-linux-gnu",
};

/** Undefined when it is not installed. */
export function fakeTimeLibrary(): string | undefined {
  const file = `/usr/lib/${processors[process.arch]}/faketime/libfaketimeMT.so.1`;
  return existsSync(file) ? file : undefined;
}

export interface FakeClock {
  /** For the program that is to have it. */
  environment: Readonly<Record<string, string>>;
  offsetSeconds(): number;
  /** Takes effect at the next look at the clock. */
  setOffset(seconds: number): Promise<void>;
}

/** @param file is made here
 *  @throws TypeError when the library is not installed */
export async function createFakeClock(file: string, seconds: number): Promise<FakeClock> {
  const library = fakeTimeLibrary();
  if (library === undefined) throw new TypeError("libfaketime is not installed");
  let current = seconds;
  const setOffset = (offset: number): Promise<void> => {
    current = offset;
    return writeFile(file, `${offset < 0 ? "" : "+"}${offset}\n`);
  };
  await setOffset(seconds);
  return {
    setOffset,
    offsetSeconds: () => current,
    environment: {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: "1",
      // Node waits by the monotonic clock, and for ever when that one jumps.
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
      NO_FAKE_STAT: "1",
    },
  };
}
