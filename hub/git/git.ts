// Runs the git program for the mirror: a clean environment, a deadline on every call, errors by exit code.
import { dirname } from "node:path";
import { GitError, GitPluginError, type SimpleGit, simpleGit } from "simple-git";
import { FleetError } from "#shared/errors.ts";
import type { Remote } from "./remote.ts";

/** A git process that ended with another code than 0. */
export class GitFailure extends GitError {
  readonly exitCode: number;
  /** What git gave as the reason, for people only. */
  readonly reason: string;

  constructor(exitCode: number, stderr: string) {
    const reason = reasonIn(stderr) ?? `git ended with code ${exitCode}`;
    super(undefined, reason);
    this.exitCode = exitCode;
    this.reason = reason;
  }
}

/** The first line that is no warning: after it come general advice and what followed from it. */
function reasonIn(stderr: string): string | undefined {
  const lines = stderr.split("\n").map((line) => line.trim());
  const first = lines.find((line) => line !== "" && !/^(warning|hint):/i.test(line));
  return first?.replace(/^(fatal|error): /, "");
}

export interface GitCall {
  /** Working directory, absolute. */
  directory: string;
  deadlineMs: number;
  /** Ends the call early. */
  signal?: AbortSignal;
  /** Written to git's standard input. */
  input?: string;
}

export interface Git {
  text(args: string[], call: GitCall): Promise<string>;
  /** Raw output of `cat-file`. */
  objects(args: string[], call: GitCall): Promise<Buffer>;
}

/** Inherited by git: where programs, home and proxies are. Everything else stays outside, so that no
 *  variable of the hub's own start changes what a commit means. */
const inherited = [
  "PATH",
  "HOME",
  "USER",
  "LOGNAME",
  "TMPDIR",
  "SSH_AUTH_SOCK",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "http_proxy",
  "https_proxy",
  "HTTPS_PROXY",
  "ALL_PROXY",
  "no_proxy",
  "NO_PROXY",
];

const ownSettings = {
  LC_ALL: "C",
  GIT_TERMINAL_PROMPT: "0",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_ATTR_NOSYSTEM: "1",
  GIT_SSH_COMMAND: "ssh -o BatchMode=yes -o ConnectTimeout=10 -o ServerAliveInterval=10",
};

const config = [
  "core.hooksPath=/dev/null",
  "gc.autoDetach=false",
  "http.lowSpeedLimit=1",
  "http.lowSpeedTime=20",
  "submodule.recurse=false",
];

/** @param remote its credentials travel in the environment, where other users cannot read them */
export function createGit(remote: Remote): Git {
  const env = environmentOf(remote);
  return {
    text: (args, call) => guarded(call, (git) => git.raw(args), env),
    objects: (args, call) => guarded(call, (git) => git.binaryCatFile(args), env),
  };
}

function environmentOf(remote: Remote): Record<string, string> {
  const kept = inherited.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(kept), ...ownSettings, ...credentialSettings(remote) };
}

function credentialSettings({ url, credentials }: Remote): Record<string, string> {
  if (credentials === undefined) return {};
  const pair = Buffer.from(`${credentials.username}:${credentials.password}`).toString("base64");
  return {
    GIT_CONFIG_COUNT: "1",
    GIT_CONFIG_KEY_0: `http.${url}.extraHeader`,
    GIT_CONFIG_VALUE_0: `Authorization: Basic ${pair}`,
  };
}

async function guarded<T>(
  call: GitCall,
  run: (git: SimpleGit) => PromiseLike<T>,
  env: Record<string, string>,
): Promise<T> {
  const deadline = AbortSignal.timeout(call.deadlineMs);
  const abort = call.signal === undefined ? deadline : AbortSignal.any([deadline, call.signal]);
  try {
    return await run(instance(call, abort, env));
  } catch (cause) {
    if (call.signal?.aborted === true) throw interrupted(cause);
    if (deadline.aborted) throw overdue(call.deadlineMs, cause);
    if (cause instanceof GitFailure && cause.exitCode < 0) throw missingProgram(cause);
    throw cause;
  }
}

function instance(call: GitCall, abort: AbortSignal, own: Record<string, string>): SimpleGit {
  // A damaged mirror inside another repository must not turn into that repository.
  const env = { ...own, GIT_CEILING_DIRECTORIES: dirname(call.directory) };
  return simpleGit({
    baseDir: call.directory,
    config,
    abort,
    trimmed: false,
    // Wait for the end of the output, and not only of the process: a large object would come short.
    completion: { onClose: true, onExit: false },
    ...(call.input === undefined ? {} : { input: () => call.input }),
    errors: (error, { exitCode, stdErr }) => {
      if (exitCode === 0) return undefined;
      if (error instanceof GitPluginError) return error;
      return new GitFailure(exitCode, Buffer.concat(stdErr).toString());
    },
    allowEnvironment: Object.keys(env).filter((name) => name.startsWith("GIT_")),
    // Names that the library guards against foreign input; all of them are set above, by this file alone.
    unsafe: {
      allowUnsafeConfigPaths: true,
      allowUnsafeConfigEnvCount: true,
      allowUnsafeHooksPath: true,
      allowUnsafeSshCommand: true,
    },
  }).env(env);
}

function interrupted(cause: unknown): FleetError {
  return new FleetError("interrupted", { message: "the hub is stopping", cause });
}

function overdue(deadlineMs: number, cause: unknown): FleetError {
  return new FleetError("repository_unreachable", {
    message: `git did not answer within ${deadlineMs / 1000} s`,
    hint: "Check the network between the hub and the fleet repository.",
    cause,
  });
}

function missingProgram(cause: GitFailure): FleetError {
  return new FleetError("command_missing", {
    message: "the program git cannot be started",
    hint: "Install git 2.31 or newer on the hub's machine.",
    cause,
  });
}
