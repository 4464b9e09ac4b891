// Real damage to journal files: bytes changed, files cut, removed or copied in mid-write.
import { copyFileSync, existsSync, readFileSync, truncateSync, writeFileSync } from "node:fs";

const parts = ["", "-wal", "-shm"] as const;

/** The files as a power cut would leave them: what is on the disk now, while they are in use. */
export function copyInUse(from: string, to: string): void {
  for (const part of parts) {
    if (part !== "-shm" && existsSync(from + part)) copyFileSync(from + part, to + part);
  }
}

export function truncateTo(file: string, share: number): void {
  truncateSync(file, Math.floor(readFileSync(file).byteLength * share));
}

/** Turns over every bit of some bytes. */
export function flip(file: string, at: number, length: number): void {
  const bytes = readFileSync(file);
  for (let i = at; i < Math.min(at + length, bytes.length); i++) {
    bytes[i] = ~(bytes[i] ?? 0) & 0xff;
  }
  writeFileSync(file, bytes);
}
