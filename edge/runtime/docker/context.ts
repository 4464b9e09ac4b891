// What every part of the Docker runtime works with.
import type { PortHolder } from "#edge/runtime/forward/forwarder.ts";
import type { Clock } from "#shared/clock.ts";
import type { AppName } from "#shared/ids.ts";
import type { Engine } from "./engine.ts";
import type { FileStore } from "./files.ts";
import type { Origins } from "./origins.ts";

/** An event of the app's: a warning. */
export type Tell = (app: AppName, reason: string, message: string) => void;

export interface DockerContext {
  engine: Engine;
  device: string;
  clock: Clock;
  files: FileStore;
  origins: Origins;
  tell: Tell;
  /** Ms that one lifecycle hook may take. */
  hookLimitMs: number;
  /** Below it each app has a directory for its update lock; absent: no app has a lock. */
  runDirectory: string | undefined;
  /** Who has a port that the device's forwarder holds. */
  holder: PortHolder;
}
