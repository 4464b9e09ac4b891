// Healthcheck, restart policy and lifecycle hooks of a service.
import type { Healthcheck, LifecycleHook, RestartPolicy } from "#shared/compose/model.ts";
import { ownEnvironment } from "./environment.ts";
import {
  at,
  command,
  durationMs,
  type Field,
  fail,
  flag,
  integer,
  isList,
  isSet,
  items,
  present,
  rawText,
  sorted,
  text,
  warn,
} from "./field.ts";

/** @see Compose specification, "healthcheck" */
export function normaliseHealthcheck(field: Field): Healthcheck | undefined {
  if (!isSet(field)) return undefined;
  const test = healthTest(at(field, "test"));
  const disabled = flag(at(field, "disable")) === true || test?.[0] === "NONE";
  return {
    disabled,
    ...present({
      test: disabled ? ["NONE"] : test,
      intervalMs: durationMs(at(field, "interval")),
      timeoutMs: durationMs(at(field, "timeout")),
      startPeriodMs: durationMs(at(field, "start_period")),
      startIntervalMs: durationMs(at(field, "start_interval")),
      retries: integer(at(field, "retries"), 0),
    }),
  };
}

function healthTest(field: Field): string[] | undefined {
  if (!isSet(field)) return undefined;
  if (!isList(field)) return ["CMD-SHELL", rawText(field) ?? ""];
  const test = items(field).map((item) => rawText(item) ?? "");
  const [kind, ...rest] = test;
  const isComplete = kind === "NONE" || rest.length > 0;
  if (!["NONE", "CMD", "CMD-SHELL"].includes(kind ?? "") || !isComplete) {
    fail(field, "must be a text, or a list that begins with NONE, CMD or CMD-SHELL", {
      hint: 'Write for example ["CMD", "wget", "-q", "http://127.0.0.1/"].',
    });
  }
  return test;
}

/** `deploy.restart_policy` wins over `restart`, as in Compose. */
export function normaliseRestart(service: Field): RestartPolicy {
  const policy = at(service, "deploy", "restart_policy");
  return isSet(policy) ? deployRestart(policy) : shortRestart(at(service, "restart"));
}

function shortRestart(field: Field): RestartPolicy {
  const given = text(field) ?? "no";
  const match = /^(no|always|unless-stopped|on-failure)(?::(\d+))?$/.exec(given);
  if (match === null || (match[2] !== undefined && match[1] !== "on-failure")) {
    fail(field, `must be no, always, unless-stopped or on-failure[:N], but is "${given}"`);
    return { name: "no", maxAttempts: 0 };
  }
  return { name: match[1] as RestartPolicy["name"], maxAttempts: Number(match[2] ?? 0) };
}

const conditions: Readonly<Record<string, RestartPolicy["name"]>> = {
  none: "no",
  no: "no",
  any: "always",
  always: "always",
  "on-failure": "on-failure",
  "unless-stopped": "unless-stopped",
};

function deployRestart(field: Field): RestartPolicy {
  for (const key of ["delay", "window"]) {
    if (isSet(at(field, key)))
      warn(at(field, key), "is ignored: the Engine spaces restarts by itself");
  }
  const condition = text(at(field, "condition")) ?? "any";
  const name = Object.hasOwn(conditions, condition) ? conditions[condition] : undefined;
  if (name === undefined) {
    fail(at(field, "condition"), `must be none, on-failure or any, but is "${condition}"`);
  }
  const maxAttempts = integer(at(field, "max_attempts"), 0) ?? 0;
  // The Engine takes a bound for on-failure alone.
  return { name: name ?? "no", maxAttempts: name === "on-failure" ? maxAttempts : 0 };
}

/** `post_start` or `pre_stop`. */
export function normaliseHooks(field: Field): LifecycleHook[] {
  return items(field).map((hook) => ({
    command: command(at(hook, "command")) ?? [],
    privileged: flag(at(hook, "privileged")) ?? false,
    environment: sorted(ownEnvironment(at(hook, "environment"))),
    ...present({ user: text(at(hook, "user")), workingDir: text(at(hook, "working_dir")) }),
  }));
}
