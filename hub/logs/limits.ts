// Bounds of the hub's side of live streams.
import { maxLifetimeMs } from "#shared/stream.ts";

export interface LiveLimits {
  /** Cost of lines that a device may send ahead of the slowest reader. */
  windowCost: number;
  /** Cost of lines kept for readers who join. More than the window, so that nobody who reads is overtaken. */
  keptCost: number;
  /** A reader that takes nothing for this long holds up no others. */
  stallMs: number;
  /** How often the device hears from the hub, at least. */
  renewMs: number;
  /** The device ends a stream that was not renewed for this long. */
  leaseMs: number;
  /** The hub ends a stream from which nothing came for this long, a reconnection included. */
  silenceMs: number;
  /** A device must have begun to answer within this. */
  openMs: number;
  lifetimeMs: number;
  maxStreamsPerDevice: number;
  maxStreams: number;
  maxReaders: number;
}

export const defaultLiveLimits: LiveLimits = {
  windowCost: 64 * 1024,
  keptCost: 256 * 1024,
  stallMs: 10_000,
  renewMs: 3000,
  leaseMs: 15_000,
  silenceMs: 15_000,
  openMs: 8000,
  lifetimeMs: maxLifetimeMs,
  maxStreamsPerDevice: 8,
  maxStreams: 256,
  maxReaders: 512,
};
