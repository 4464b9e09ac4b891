// How much live streams may take of a device, whoever asks.

export interface StreamLimits {
  maxStreams: number;
  /** Of all streams together. */
  maxCostPerSecond: number;
  /** How long a nonce is good, by the device's own timer. */
  nonceMs: number;
  /** Nonces that may wait for their `open`. */
  maxNonces: number;
}

export const defaultStreamLimits: StreamLimits = {
  maxStreams: 8,
  maxCostPerSecond: 128 * 1024,
  nonceMs: 15_000,
  maxNonces: 16,
};
