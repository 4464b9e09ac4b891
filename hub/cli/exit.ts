// Exit codes of the `fleet` command: what a script can rest a decision on.
import type { ErrorCode } from "#shared/errors.ts";

export const exitCodes = {
  done: 0,
  /** An answer, not an error: `diff` differs, or some of several devices took an order and some did not. */
  partly: 1,
  usage: 2,
  unreachable: 3,
  denied: 4,
  unknown: 5,
  late: 6,
  unconfirmed: 7,
  failed: 8,
  /** As a shell names an end by SIGINT. */
  interrupted: 130,
  /** As a shell names an end by SIGPIPE. */
  pipeClosed: 141,
} as const;

export type ExitName = keyof typeof exitCodes;

/** For `fleet help exit-codes`. */
export const exitMeanings: Record<ExitName, string> = {
  done: "Done; for diff: desired and reported are the same.",
  partly: "diff: they differ. Orders: some devices did not take it. sync: a commit was refused.",
  usage: "The command line or a file that it names is wrong; nothing was done.",
  unreachable:
    "The hub, or the repository or device behind it, does not answer or answers that it cannot.",
  denied: "No token, a token that the hub does not know, or one that may not do this.",
  unknown: "No device, release or other thing has this name.",
  late: "wait: the condition did not hold within --timeout.",
  unconfirmed:
    "The question was not answered with yes, or nobody was there to ask; nothing was done.",
  failed: "Anything else went wrong.",
  interrupted: "Ended by Ctrl-C.",
  pipeClosed: "The reader of the output went away, as in `fleet events | head`.",
};

const byError: Partial<Record<ErrorCode, ExitName>> = {
  request_invalid: "usage",
  config_invalid: "usage",
  message_invalid: "usage",
  message_too_large: "usage",
  hub_unreachable: "unreachable",
  repository_unreachable: "unreachable",
  store_unavailable: "unreachable",
  device_unreachable: "unreachable",
  unauthenticated: "denied",
  forbidden: "denied",
  token_invalid: "denied",
  not_found: "unknown",
};

export function exitCodeOf(code: ErrorCode): number {
  return exitCodes[byError[code] ?? "failed"];
}
