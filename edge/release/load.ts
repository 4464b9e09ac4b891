// Reads a staged revision back from the disk.
import { readFile, realpath } from "node:fs/promises";
import { join } from "node:path";
import { AppSpec, revisionOf } from "#shared/desired.ts";
import { FleetError, type Where } from "#shared/errors.ts";
import { ifPresent } from "#shared/files.ts";
import type { AppName, RevisionId } from "#shared/ids.ts";
import { RoleFile } from "#shared/role.ts";
import { checkYaml } from "#shared/yaml/check.ts";
import { releaseDamaged, trueContentOf } from "./content.ts";
import type { Layout } from "./layout.ts";
import { notStaged } from "./links.ts";
import type { StagedRevision } from "./port.ts";
import { manifestFor } from "./truth.ts";

/** @throws FleetError role_invalid with file, line and key; release_damaged; not_found */
export async function loadRevision(
  layout: Layout,
  app: AppName,
  revision: RevisionId,
): Promise<StagedRevision> {
  const path = layout.revision(app, revision);
  const text = await ifPresent(readFile(join(path, "app.json"), "utf8"));
  const directory = await ifPresent(realpath(join(path, "content")));
  if (text === undefined || directory === undefined) throw notStaged(app, revision);
  const spec = parseSpec(text, revision, join(path, "app.json"));
  const manifest = await manifestFor(layout, app, spec.release);
  const { readText, contentHash } = trueContentOf(directory, manifest);
  const role = parseRole(readText("role.yaml"), spec);
  const composeText = readText("compose.yaml");
  if (composeText === undefined) throw withoutCompose(spec);
  return { spec, revision, directory, role, composeText, readText, contentHash };
}

/** What the revision's record says, from the file or from its copy; undefined when neither tells the truth. */
export async function recordedSpec(
  layout: Layout,
  app: AppName,
  revision: RevisionId,
): Promise<AppSpec | undefined> {
  for (const file of [
    join(layout.revision(app, revision), "app.json"),
    layout.specCopy(app, revision),
  ]) {
    const text = await readFile(file, "utf8").catch(() => undefined);
    const spec = text === undefined ? undefined : specIn(text);
    if (spec !== undefined && revisionOf(spec) === revision) return spec;
  }
  return undefined;
}

function specIn(text: string): AppSpec | undefined {
  try {
    return AppSpec.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** A file of the role as messages name it: by its path in the fleet repository. */
export function roleFile(spec: AppSpec, path: string): string {
  return `roles/${spec.release.role}/${path}`;
}

/** What was read must be what the revision's name says. */
function parseSpec(text: string, revision: RevisionId, file: string): AppSpec {
  try {
    const spec = AppSpec.parse(JSON.parse(text));
    if (revisionOf(spec) === revision) return spec;
  } catch (cause) {
    throw damaged(file, cause);
  }
  throw damaged(file);
}

function damaged(file: string, cause?: unknown): FleetError {
  return releaseDamaged(file, "the record of this revision was changed", cause);
}

function parseRole(text: string | undefined, spec: AppSpec): RoleFile {
  if (text === undefined) return RoleFile.parse({ apiVersion: "metrica.fleet/v1", kind: "Role" });
  const file = roleFile(spec, "role.yaml");
  return checkYaml(RoleFile, { file, text, code: "role_invalid" }).value;
}

function withoutCompose(spec: AppSpec): FleetError {
  return invalid({ file: roleFile(spec, "compose.yaml") }, "the role has no compose.yaml");
}

function invalid(where: Where, message: string, cause?: unknown): FleetError {
  return new FleetError("role_invalid", {
    message,
    where,
    ...(cause === undefined ? {} : { cause }),
  });
}
