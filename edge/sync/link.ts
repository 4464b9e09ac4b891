// The link port: one live connection to a broker, whichever library or test double makes it.

export interface PublishOptions {
  qos: 0 | 1;
  retain: boolean;
}

/** Lives from one successful connection to its end and is never connected again. */
export interface Link {
  /** Resolves when the packet is written (QoS 0) or the broker has it (QoS 1); rejects when the link
   *  ends before that. */
  publish(topic: string, payload: Buffer, options: PublishOptions): Promise<void>;
  /** @throws FleetError forbidden when the broker refuses one of them */
  subscribe(topics: string[]): Promise<void>;
  /** @param listener `retained`: the broker had kept it, so it tells nothing about its sender now */
  onMessage(listener: (topic: string, payload: Uint8Array, retained: boolean) => void): void;
  /** Called once, also when the link had ended before. */
  onClose(listener: () => void): void;
  /** Says goodbye to the broker, so that it sends no last will, within a second. */
  end(): Promise<void>;
}

export interface LinkOptions {
  url: string;
  clientId: string;
  username: string;
  password: string;
  will: { topic: string; payload: Buffer } & PublishOptions;
  keepaliveSeconds: number;
  connectTimeoutMs: number;
  /** Ends the attempt to connect. */
  signal: AbortSignal;
}

/** One attempt.
 *  @throws FleetError hub_unreachable, unauthenticated, config_invalid */
export type OpenLink = (options: LinkOptions) => Promise<Link>;
