// Checks a commit as a whole: every role loads, and renders wherever its deployments would land.
import { setImmediate as breathe } from "node:timers/promises";
import { canonicalJson } from "#shared/canonical.ts";
import { interpolate } from "#shared/compose/interpolate.ts";
import type { ComposeSource, LoadedCompose } from "#shared/compose/load.ts";
import { FleetError } from "#shared/errors.ts";
import type { Values } from "#shared/ids.ts";
import type { Path } from "#shared/yaml/nodes.ts";
import { allValues, type Context, contextsOf, type DeclaredLabels } from "./contexts.ts";
import type { BranchDraft } from "./draft.ts";
import { type Deployment, entryOf } from "./model.ts";
import type { RoleContent } from "./role.ts";

export type LoadCompose = (source: ComposeSource) => LoadedCompose;

interface CheckInput {
  draft: BranchDraft;
  /** Deployments of the default branch that take their content from this branch. */
  deployments: readonly Deployment[];
  declared: DeclaredLabels;
  readonly loadCompose: LoadCompose;
}

/** @returns what the Compose files say that is legal but probably not meant, with file, line and key
 *  @throws FleetError of the first fault, with the same, and where it would show */
export async function checkDraft({ draft, ...input }: CheckInput): Promise<string[]> {
  const warnings = new Set<string>();
  const loadCompose: LoadCompose = (source) => {
    const loaded = input.loadCompose(source);
    // Where it is not known who lacks a value, each that is not set would be one.
    if (source.unsetIsWarning !== true) for (const text of loaded.warnings) warnings.add(text);
    return loaded;
  };
  for (const deployment of input.deployments) {
    const role = draft.roles.get(deployment.role);
    // It was checked when it was accepted, and what it says cannot be read any more.
    if (role === undefined && isKeptRole(draft, deployment)) continue;
    if (role === undefined) throw withoutRole(draft, deployment);
    const check = createContextCheck(role, loadCompose);
    for (const context of contextsOf(draft.snapshot, deployment, input.declared)) {
      check(context);
      await breathe();
    }
  }
  const used = new Set(input.deployments.map(({ role }) => role));
  for (const role of draft.roles.values()) {
    if (!used.has(role.release.role)) checkAlone(draft, role, loadCompose);
    await breathe();
  }
  return [...warnings];
}

function isKeptRole({ snapshot, isKept }: BranchDraft, { role }: Deployment): boolean {
  return isKept === true && entryOf(snapshot.roles, role) !== undefined;
}

/** A role that nobody deploys yet must load too; who would lack a value is not known. */
function checkAlone(draft: BranchDraft, role: RoleContent, loadCompose: LoadCompose): void {
  const values = allValues(draft.snapshot, role.file.values);
  checkRendered(role, { values, certain: false }, loadCompose);
}

/** Places with the same values of what the role mentions need one look together. */
function createContextCheck(role: RoleContent, loadCompose: LoadCompose): (c: Context) => void {
  const words = wordsOf(role);
  const seen = new Set<string>();
  return (context) => {
    const relevant = Object.entries(context.values).filter(([name]) => words.has(name));
    const key = `${context.certain} ${canonicalJson(Object.fromEntries(relevant))}`;
    if (seen.has(key)) return;
    seen.add(key);
    naming(context, () => {
      if (context.certain) checkRequired(role, context.values);
      checkRendered(role, context, loadCompose);
    });
  };
}

/** Everything in the role's texts that may be a value's name. */
function wordsOf({ texts, composeText, file }: RoleContent): Set<string> {
  const words = new Set(file.requires);
  for (const text of [composeText, ...texts.values()]) {
    for (const [word] of text.matchAll(/[A-Za-z_][A-Za-z0-9_]*/g)) words.add(word);
  }
  return words;
}

function checkRequired(role: RoleContent, values: Values): void {
  for (const [index, name] of role.file.requires.entries()) {
    if ((values[name] ?? "") !== "") continue;
    throw new FleetError("variable_missing", {
      message: `${name} is required by the role and ${values[name] === "" ? "is empty" : "is not set"}`,
      where: role.locate(["requires", index]),
      subject: name,
      hint: `Set ${name} in the values of the fleet, the site, the deployment or the device.`,
    });
  }
}

type Rendering = Pick<Context, "values" | "certain">;

/** The Compose file loads, and the probes can be made and name services that it has. */
function checkRendered(role: RoleContent, rendering: Rendering, loadCompose: LoadCompose): void {
  const { project } = load(role, rendering, loadCompose);
  for (const [index, probe] of role.file.health.probes.entries()) {
    const path = ["health", "probes", index];
    for (const [key, text] of Object.entries(probe)) {
      if (typeof text === "string") checkText(role, [...path, key], text, rendering);
    }
    if (!("service" in probe) || Object.hasOwn(project.services, probe.service)) continue;
    throw new FleetError("role_invalid", {
      message: `names the service "${probe.service}", which compose.yaml does not have`,
      where: role.locate([...path, "service"]),
      hint: "Correct the name.",
    });
  }
}

function checkText(role: RoleContent, path: Path, text: string, rendering: Rendering): void {
  try {
    interpolate(text, rendering.values);
  } catch (cause) {
    if (!(cause instanceof FleetError)) throw cause;
    if (cause.code === "variable_missing" && !rendering.certain) return;
    const code = cause.code === "compose_invalid" ? "role_invalid" : cause.code;
    throw restated(cause, { code, where: role.locate(path) });
  }
}

function load(role: RoleContent, rendering: Rendering, loadCompose: LoadCompose): LoadedCompose {
  return loadCompose({
    file: role.composeFile,
    text: role.composeText,
    values: rendering.values,
    readText: (path) => role.texts.get(path.replace(/^(\.\/)+/, "")),
    unsetIsWarning: !rendering.certain,
  });
}

/** The same fault may show at one site and not at the next: say where. */
function naming(context: Context, work: () => void): void {
  try {
    work();
  } catch (cause) {
    if (!(cause instanceof FleetError)) throw cause;
    throw restated(cause, { message: `${cause.message} (${context.name})` });
  }
}

function restated(
  error: FleetError,
  change: Partial<Pick<FleetError, "code" | "message" | "where">>,
): FleetError {
  const { code, message, where, hint, subject, retry } = { ...fieldsOf(error), ...change };
  return new FleetError(code, {
    message,
    retry,
    cause: error,
    ...(where === undefined ? {} : { where }),
    ...(hint === undefined ? {} : { hint }),
    ...(subject === undefined ? {} : { subject }),
  });
}

/** Spelt out, since a spread leaves an error's message behind. */
function fieldsOf({ code, message, where, hint, subject, retry }: FleetError) {
  return { code, message, where, hint, subject, retry };
}

function withoutRole(draft: BranchDraft, { name, role }: Deployment): FleetError {
  const { branch, deployments } = draft.snapshot;
  const index = deployments.findIndex((deployment) => deployment.name === name);
  return new FleetError("repository_invalid", {
    message: `the deployment "${name}" needs the role "${role}", which branch ${branch} does not have`,
    where: index < 0 ? { file: `roles/${role}` } : draft.locate(["deployments", index, "role"]),
    hint: `Add roles/${role}/compose.yaml, or correct the name.`,
  });
}
