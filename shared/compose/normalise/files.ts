// Configs and secrets: what they are at the top of the file and where a service mounts them.
import { sha256 } from "#shared/canonical.ts";
import type { FileMount, FileObject } from "#shared/compose/model.ts";
import {
  at,
  entries,
  type Field,
  fail,
  fileMode,
  flag,
  isMap,
  isSet,
  items,
  present,
  rawText,
  sorted,
  text,
  warn,
} from "./field.ts";
import { tidyPath } from "./paths.ts";

/** @param directory where a relative target stands: `/` for configs, `/run/secrets/` for secrets */
export function normaliseFileMounts(field: Field, directory: string): FileMount[] {
  return items(field).flatMap((item) => {
    const source = text(isMap(item) ? at(item, "source") : item);
    if (source === undefined) {
      fail(item, "needs a source");
      return [];
    }
    const target = text(at(item, "target")) ?? source;
    return [
      { source, target: target.startsWith("/") ? target : `${directory}${target}`, ...owner(item) },
    ];
  });
}

function owner(item: Field): Pick<FileMount, "uid" | "gid" | "mode"> {
  return present({
    uid: text(at(item, "uid")),
    gid: text(at(item, "gid")),
    mode: fileMode(at(item, "mode")),
  });
}

/** Top-level `configs` or `secrets`. */
export function normaliseFileObjects(field: Field): Record<string, FileObject> {
  return sorted(entries(field).map(([name, entry]) => [name, fileObject(entry)]));
}

const sources = ["file", "content", "environment"] as const;

function fileObject(field: Field): FileObject {
  refuseSwarm(field);
  const given = sources.filter((key) => isSet(at(field, key)));
  const [source] = given;
  if (given.length !== 1 || source === undefined) {
    if (!isExternal(field)) fail(field, "needs exactly one of file, content and environment");
    return {};
  }
  if (source === "content") return { content: rawText(at(field, source)) ?? "" };
  const value = text(at(field, source));
  if (value === undefined) fail(at(field, source), "is empty");
  return source === "file"
    ? releaseFile(at(field, source), value ?? "")
    : fromValue(at(field, source), value ?? "");
}

function isExternal(field: Field): boolean {
  const external = at(field, "external");
  return isMap(external) || flag(external) === true;
}

function refuseSwarm(field: Field): void {
  const code = "compose_unsupported";
  const hint = "Use file, content or environment.";
  const why = "is not supported: it is kept by a Swarm, and a device is none";
  if (isExternal(field)) fail(at(field, "external"), why, { code, hint });
  for (const key of ["driver", "template_driver"]) {
    if (isSet(at(field, key))) fail(at(field, key), why, { code, hint });
  }
}

function releaseFile(field: Field, value: string): FileObject {
  const file = tidyPath(value);
  if (!file.startsWith("/") && field.context.readText(file) === undefined) {
    warn(field, `the file ${file} is not part of the release`);
  }
  return { file };
}

/** The hash stands in for the value, so that a new value makes a new container. */
function fromValue(field: Field, name: string): FileObject {
  const { values } = field.context;
  const value = Object.hasOwn(values, name) ? values[name] : undefined;
  if (value === undefined) warn(field, `the variable ${name} is not set`);
  return { environment: name, ...(value === undefined ? {} : { valueHash: sha256(value) }) };
}
