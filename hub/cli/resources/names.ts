// Names of devices as people write them and as `-o name` does.

/** `-o name` writes `device/pi-1`, and every verb takes that back. Pure. */
export function deviceName(word: string): string {
  return word.replace(/^(devices?|phase)\//, "");
}

/** Each once, in their order. Pure. */
export function deviceNames(words: readonly string[]): string[] {
  return [...new Set(words.map(deviceName))];
}
