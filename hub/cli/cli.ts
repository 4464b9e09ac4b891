// What every verb gets: the terminal, the hub of the session, and a place for its exit code.
import type { Command } from "commander";
import type { Clock } from "#shared/clock.ts";
import type { Client } from "./api/client.ts";
import type { Terminal } from "./terminal/terminal.ts";

/** The options that every verb takes which speaks to the hub. */
export interface ConnectionOptions {
  context?: string;
  /** Ms. */
  requestTimeout?: number;
}

export interface Cli {
  readonly terminal: Terminal;
  readonly env: NodeJS.ProcessEnv;
  readonly clock: Clock;
  /** @throws FleetError when no hub or token is known */
  connect(options: ConnectionOptions): Promise<Client>;
  /** The exit code of a verb that came to its end without an error. */
  end(code: number): void;
  /** Every verb by its name. */
  readonly verbs: Readonly<Record<string, VerbEntry>>;
}

export interface VerbEntry {
  summary: string;
  /** The heading in `fleet --help`. */
  group: string;
  load(): Promise<Verb>;
}

/** A verb with its options and help. Loaded only when it is called. */
export type Verb = (cli: Cli) => Command;
