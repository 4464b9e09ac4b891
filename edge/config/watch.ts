// Reloads agent.yaml when it changes; a bad file is reported and the old configuration stays.
import { type FSWatcher, watch } from "node:fs";
import { basename, dirname } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { type AgentConfig, appliesBy, parseConfig, readConfigText } from "#edge/config.ts";
import { asFleetError, FleetError } from "#shared/errors.ts";

export type ConfigField = keyof AgentConfig;

export interface ConfigChange {
  /** What holds now: fields that need a restart keep their old value. */
  config: AgentConfig;
  applied: ConfigField[];
  /** Changed in the file, and without effect until the agent starts again. */
  needRestart: ConfigField[];
}

export interface ConfigWatchOptions {
  file: string;
  /** What was loaded from the file at the start. */
  config: AgentConfig;
  onChange: (change: ConfigChange) => void;
  onRefused: (error: FleetError) => void;
  /** Ms of quiet after which the file is read, so that a save in several writes is seen as one; 200 by
   *  default. */
  settleMs?: number;
}

export interface ConfigWatch {
  start(): void;
  /** Reads the file now, as on SIGHUP. */
  reload(): void;
  stop(): void;
}

/** The directory is watched, not the file: editors replace a file by renaming another over it, and a
 *  watch would go on looking at the old one. */
export function watchConfig(options: ConfigWatchOptions): ConfigWatch {
  const { file, settleMs = 200 } = options;
  const check = createCheck(options);
  let watcher: FSWatcher | undefined;
  let timer: NodeJS.Timeout | undefined;
  const soon = (): void => {
    clearTimeout(timer);
    timer = setTimeout(check, settleMs);
  };
  return {
    start: () => {
      try {
        watcher ??= watchDirectory(file, soon);
      } catch (cause) {
        options.onRefused(unwatchable(file, cause));
      }
    },
    reload: check,
    stop: () => {
      clearTimeout(timer);
      watcher?.close();
      watcher = undefined;
    },
  };
}

function watchDirectory(file: string, onEvent: () => void): FSWatcher {
  const watcher = watch(dirname(file), { persistent: false }, (_event, name) => {
    // A file behind a chain of links changes under other names than its own.
    if (name === null || name === basename(file) || name.startsWith("..")) onEvent();
  });
  // The directory is gone: the file with it, and reading it says so.
  watcher.on("error", onEvent);
  return watcher;
}

/** No reason to stop: the agent runs on what it has. */
function unwatchable(file: string, cause: unknown): FleetError {
  const { message } = asFleetError(cause);
  return new FleetError("internal", {
    message: `changes of ${file} cannot be seen: ${message}`,
    hint: "Send SIGHUP to the agent after a change, or raise fs.inotify.max_user_watches.",
    subject: file,
    cause,
  });
}

/** Compares what the file says with what it said before, so that a mere touch is no change and a fault
 *  is reported once. */
function createCheck({ file, config, onChange, onRefused }: ConfigWatchOptions): () => void {
  let holding = config;
  let lastFile = config;
  let lastFault: string | undefined;
  const read = (): AgentConfig | undefined => {
    try {
      const next = parseConfig(file, readConfigText(file));
      lastFault = undefined;
      return next;
    } catch (thrown) {
      const error = asFleetError(thrown);
      if (error.sentence !== lastFault) onRefused(error);
      lastFault = error.sentence;
      return undefined;
    }
  };
  return () => {
    const next = read();
    if (next === undefined || isDeepStrictEqual(next, lastFile)) return;
    const change = changeBetween(holding, next);
    lastFile = next;
    holding = change.config;
    onChange(change);
  };
}

/** Pure. */
function changeBetween(holding: AgentConfig, next: AgentConfig): ConfigChange {
  const fields = Object.keys(appliesBy) as ConfigField[];
  const changed = fields.filter((field) => !isDeepStrictEqual(holding[field], next[field]));
  const applied = changed.filter((field) => appliesBy[field] === "reload");
  const taken = Object.fromEntries(applied.map((field) => [field, next[field]]));
  return {
    config: { ...holding, ...taken },
    applied,
    needRestart: changed.filter((field) => appliesBy[field] === "restart"),
  };
}
