// What every part of the Docker runtime works with.
import type { Clock } from "#shared/clock.ts";
import type { Engine } from "./engine.ts";
import type { FileStore } from "./files.ts";

export interface DockerContext {
  engine: Engine;
  device: string;
  clock: Clock;
  files: FileStore;
  /** Ms that one lifecycle hook may take. */
  hookLimitMs: number;
}
