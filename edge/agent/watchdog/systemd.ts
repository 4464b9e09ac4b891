// Feeds systemd through its program systemd-notify: Node itself has no datagram sockets of AF_UNIX.
import { spawn } from "node:child_process";
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
    pending.clear();
    isSending = true;
    const sender = spawn("systemd-notify", fields, {
      env: { PATH: options.environment["PATH"], NOTIFY_SOCKET: socket },
      stdio: "ignore",
      timeout: sendingMs,
      killSignal: "SIGKILL",
    });
    sender.unref();
    const done = (): void => {
      if (!isSending) return;
      isSending = false;
      flush();
    };
    sender.once("error", (error: NodeJS.ErrnoException) => {
      fail(`systemd-notify does not start: ${error.code}`);
      done();
    });
    sender.once("exit", (code, signal) => {
      if (code !== 0) fail(`systemd-notify failed: ${signal ?? `exit code ${code}`}`);
      done();
    });
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
