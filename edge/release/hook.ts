// Runs a role's own scripts: the validate hook of a staged release, and any other that asks and tells.
import { endingOf, type OneShot, runOnce } from "#edge/runtime/process/oneshot.ts";
import { FleetError } from "#shared/errors.ts";
import { contentOf } from "./content.ts";
import { roleFile } from "./load.ts";
import type { StagedRevision } from "./port.ts";

interface HookOptions {
  /** 60 000 by default. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

interface ScriptOptions extends HookOptions {
  args?: readonly string[];
  /** Beside the app's values. */
  environment?: Readonly<Record<string, string>>;
  onOutput?: OneShot["onOutput"];
}

export interface ScriptEnding {
  /** Absent when it never started, was ended by a signal, or is not in the release. */
  exitCode?: number;
  /** What a person is told; absent when the script passed. */
  fault?: string;
}

/** Does nothing for a role without a validate script.
 *  @throws FleetError role_rejected with the script's last line, interrupted */
export async function runValidateHook(
  staged: StagedRevision,
  options: HookOptions = {},
): Promise<void> {
  const script = staged.role.hooks.validate;
  if (script === undefined) return;
  const { fault } = await runRoleScript(staged, script, options);
  if (fault !== undefined) throw rejected(staged, script, fault);
}

/** Runs in the release's directory with the app's values as its environment and PATH as the agent has it.
 *  @throws FleetError interrupted */
export async function runRoleScript(
  staged: StagedRevision,
  script: string,
  { timeoutMs = 60_000, signal, args = [], environment = {}, onOutput }: ScriptOptions,
): Promise<ScriptEnding> {
  const path = contentOf(staged.directory).locate(script);
  if (path === undefined) return { fault: "is not in the release" };
  const result = await runOnce({
    command: [path, ...args],
    directory: staged.directory,
    environment: {
      ...{ ...staged.role.values, ...staged.spec.values, PATH: process.env["PATH"] ?? "" },
      ...environment,
    },
    ...{ timeoutMs, signal, onOutput },
  });
  const fault = endingOf(result, timeoutMs);
  if (fault === undefined) return { exitCode: 0 };
  if (signal?.aborted === true) throw interrupted(staged, script);
  return { fault, ...(result.exitCode === undefined ? {} : { exitCode: result.exitCode }) };
}

function rejected(staged: StagedRevision, script: string, fault: string): FleetError {
  return new FleetError("role_rejected", {
    message: `the validate script ${script} ${fault}`,
    where: { file: roleFile(staged.spec, script) },
    hint: "Run the script in the role's directory with the app's values; it must end with code 0.",
  });
}

function interrupted(staged: StagedRevision, script: string): FleetError {
  return new FleetError("interrupted", {
    message: `the script ${script} of app ${staged.spec.name} was interrupted`,
    subject: staged.spec.name,
  });
}
