// Runs a role's own validate script on a staged release, before anything that serves is touched.
import { endingOf, runOnce } from "#edge/runtime/process/oneshot.ts";
import { FleetError } from "#shared/errors.ts";
import { contentOf } from "./content.ts";
import { roleFile } from "./load.ts";
import type { StagedRevision } from "./port.ts";

interface HookOptions {
  /** 60 000 by default. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

/** Does nothing for a role without a validate script. The script runs in the release's directory with
 *  the app's values as its environment and PATH as the agent has it.
 *  @throws FleetError role_rejected with the script's last line, interrupted */
export async function runValidateHook(
  staged: StagedRevision,
  { timeoutMs = 60_000, signal }: HookOptions = {},
): Promise<void> {
  const script = staged.role.hooks.validate;
  if (script === undefined) return;
  const path = contentOf(staged.directory).locate(script);
  if (path === undefined) throw rejected(staged, script, "is not in the release");
  const result = await runOnce({
    command: [path],
    directory: staged.directory,
    environment: { ...staged.role.values, ...staged.spec.values, PATH: process.env["PATH"] ?? "" },
    timeoutMs,
    signal,
  });
  const ending = endingOf(result, timeoutMs);
  if (ending === undefined) return;
  throw signal?.aborted === true ? interrupted(staged) : rejected(staged, script, ending);
}

function rejected(staged: StagedRevision, script: string, fault: string): FleetError {
  return new FleetError("role_rejected", {
    message: `the validate script ${script} ${fault}`,
    where: { file: roleFile(staged.spec, script) },
    hint: "Run the script in the role's directory with the app's values; it must end with code 0.",
  });
}

function interrupted(staged: StagedRevision): FleetError {
  return new FleetError("interrupted", {
    message: `the validation of app ${staged.spec.name} was interrupted`,
    subject: staged.spec.name,
  });
}
