// Feeds systemd through its program systemd-notify: Node itself has no datagram sockets of AF_UNIX.
import { type ChildProcess, spawn } from "node:child_process";
import { errnoOf } from "#shared/files.ts";
import type { Outlet } from "./outlet.ts";

/** systemd-notify waits until the manager has read the message. */
const sendingMs = 5000;
const maxStatus = 200;

interface Options {
  environment: NodeJS.ProcessEnv;
  /** Told once, when nothing can be sent. */
  onFailure(why: string): void;
}

/** One program at a time; what is to be told meanwhile waits in one message, the latest of each field.
 *  Needs `NotifyAccess=all`, since it is not the main process that sends.
 *  @see sd_notify(3)
 *  @returns undefined when no systemd listens */
export function createSystemdOutlet(options: Options): Outlet | undefined {
  const socket = options.environment["NOTIFY_SOCKET"];
  if (socket === undefined || socket === "") return undefined;
  const pending = new Map<string, string>();
  let isSending = false;
  let hasFailed = false;

  const fail = (why: string): void => {
    if (!hasFailed) options.onFailure(why);
    hasFailed = true;
  };

  const flush = (): void => {
    if (isSending || pending.size === 0) return;
    const fields = [...pending].map(([name, value]) => `${name}=${value}`);
    const isReady = pending.has("READY");
    pending.clear();
    isSending = true;
    const done = (why?: string): void => {
      if (!isSending) return;
      isSending = false;
      if (why !== undefined) fail(why);
      // What else was lost is told again by the next feeding; this is said once.
      if (why !== undefined && isReady) pending.set("READY", "1");
      else flush();
    };
    const sender = start(fields, done);
    sender?.once("error", (error) => done(`systemd-notify does not start: ${errnoOf(error)}`));
    sender?.once("exit", (code, signal) =>
      done(code === 0 ? undefined : `systemd-notify failed: ${signal ?? `exit code ${code}`}`),
    );
  };

  /** Without memory for another process spawn(3) throws instead of telling. */
  const start = (fields: string[], done: (why: string) => void): ChildProcess | undefined => {
    try {
      const sender = spawn("systemd-notify", fields, {
        env: { PATH: options.environment["PATH"], NOTIFY_SOCKET: socket },
        stdio: "ignore",
        timeout: sendingMs,
        killSignal: "SIGKILL",
      });
      sender.unref();
      return sender;
    } catch (error) {
      done(`systemd-notify does not start: ${errnoOf(error)}`);
      return undefined;
    }
  };

  const tell = (fields: Record<string, string>): void => {
    for (const [name, value] of Object.entries(fields)) pending.set(name, value);
    flush();
  };
  const statusOf = (text: string) => ({ STATUS: text.replaceAll("\n", " ").slice(0, maxStatus) });

  return {
    ready: () => tell({ READY: "1" }),
    alive: (doing) => tell({ WATCHDOG: "1", ...statusOf(doing) }),
    hung: (why) => tell(statusOf(why)),
    stopping: () => tell({ STOPPING: "1" }),
  };
}
