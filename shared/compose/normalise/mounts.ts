// Mounts of a service: volumes in short and long form, and tmpfs.
import type { Mount } from "#shared/compose/model.ts";
import { parseBytes } from "#shared/compose/read/units.ts";
import {
  at,
  bytes,
  type Field,
  fail,
  fileMode,
  flag,
  isMap,
  isSet,
  items,
  present,
  splitOnce,
  text,
  warn,
} from "./field.ts";
import { hostPath } from "./paths.ts";

type Bind = Extract<Mount, { type: "bind" }>;
type Tmpfs = Extract<Mount, { type: "tmpfs" }>;

/** @param volumes the service's `volumes`
 *  @param tmpfs the service's `tmpfs`
 *  @see Compose specification, "volumes" and "tmpfs" */
export function normaliseMounts(volumes: Field, tmpfs: Field): Mount[] {
  const mounts = [
    ...items(volumes).flatMap((item) => (isMap(item) ? longMount(item) : shortMount(item))),
    ...items(tmpfs).flatMap((item) => shortTmpfs(item)),
  ];
  return mounts.map((mount) => ({ ...mount, target: mount.target.replace(/(?<=.)\/+$/, "") }));
}

/** `[SOURCE:]TARGET[:OPTIONS]` */
function shortMount(field: Field): Mount[] {
  const parts = (text(field) ?? "").split(":");
  const [source, target, options] = parts.length === 1 ? [undefined, parts[0]] : parts;
  if (parts.length > 3 || source === "" || !isAbsolute(field, target))
    return badShortMount(field, parts);
  const words = options?.split(",") ?? [];
  const readOnly = words.includes("ro");
  if (source === undefined || !/^[./~]/.test(source)) {
    warnUnknown(field, words, ["ro", "rw", "nocopy", "z", "Z"]);
    return [
      {
        type: "volume",
        ...present({ source }),
        target,
        readOnly,
        noCopy: words.includes("nocopy"),
      },
    ];
  }
  return [{ ...shortBind(field, source, words), target, readOnly }];
}

function badShortMount(field: Field, parts: string[]): Mount[] {
  if (parts.length > 3 || parts[0] === "") {
    fail(field, `"${text(field) ?? ""}" is not of the form [SOURCE:]TARGET[:OPTIONS]`);
  }
  return [];
}

function isAbsolute(field: Field, target: string | undefined): target is string {
  if (target?.startsWith("/")) return true;
  fail(field, `the path in the container must be absolute, but is "${target ?? ""}"`);
  return false;
}

const propagations = ["rprivate", "private", "rshared", "shared", "rslave", "slave"];

function shortBind(
  field: Field,
  source: string,
  words: string[],
): Omit<Bind, "target" | "readOnly"> {
  const known = [
    "ro",
    "rw",
    "z",
    "Z",
    "cached",
    "delegated",
    "consistent",
    "nocopy",
    ...propagations,
  ];
  warnUnknown(field, words, known);
  return {
    type: "bind",
    source: hostPath(source, field),
    createHostPath: true,
    ...present({
      propagation: words.find((word) => propagations.includes(word)),
      selinux: words.find((word): word is "z" | "Z" => word === "z" || word === "Z"),
    }),
  };
}

function warnUnknown(field: Field, words: string[], known: string[]): void {
  for (const word of words) {
    if (!known.includes(word)) warn(field, `the mount option "${word}" is ignored`);
  }
}

function longMount(field: Field): Mount[] {
  const target = text(at(field, "target"));
  const type = text(at(field, "type")) ?? "";
  if (!["bind", "volume", "tmpfs"].includes(type)) return refuseType(at(field, "type"), type);
  if (!isAbsolute(isSet(at(field, "target")) ? at(field, "target") : field, target)) return [];
  if (type === "tmpfs") return [longTmpfs(field, target)];
  return type === "bind" ? longBind(field, target) : [longVolume(field, target)];
}

function refuseType(field: Field, type: string): Mount[] {
  fail(field, `is not supported: a mount of type ${type} cannot be made on a device`, {
    code: "compose_unsupported",
    hint: "Use bind, volume or tmpfs.",
  });
  return [];
}

function longBind(field: Field, target: string): Bind[] {
  const source = text(at(field, "source"));
  if (source === undefined) {
    fail(field, "a bind mount needs a source");
    return [];
  }
  const bind = at(field, "bind");
  const recursive = text(at(bind, "recursive"));
  if (recursive !== undefined && recursive !== "enabled") warn(at(bind, "recursive"), "is ignored");
  const selinux = text(at(bind, "selinux"));
  return [
    {
      type: "bind",
      source: hostPath(source, at(field, "source")),
      target,
      readOnly: flag(at(field, "read_only")) ?? false,
      createHostPath: flag(at(bind, "create_host_path")) ?? true,
      ...present({
        propagation: text(at(bind, "propagation")),
        selinux: selinux === "z" || selinux === "Z" ? selinux : undefined,
      }),
    },
  ];
}

function longVolume(field: Field, target: string): Mount {
  const volume = at(field, "volume");
  if (isSet(at(volume, "labels")))
    warn(at(volume, "labels"), "is ignored: label the volume itself");
  return {
    type: "volume",
    target,
    readOnly: flag(at(field, "read_only")) ?? false,
    noCopy: flag(at(volume, "nocopy")) ?? false,
    ...present({ source: text(at(field, "source")), subpath: text(at(volume, "subpath")) }),
  };
}

function longTmpfs(field: Field, target: string): Tmpfs {
  const tmpfs = at(field, "tmpfs");
  return {
    type: "tmpfs",
    target,
    ...present({
      sizeBytes: bytes(at(tmpfs, "size")),
      mode: fileMode(at(tmpfs, "mode")),
      options: flag(at(field, "read_only")) === true ? "ro" : undefined,
    }),
  };
}

/** `TARGET[:size=64m,mode=1777,uid=1000]` */
function shortTmpfs(field: Field): Tmpfs[] {
  const [target, options] = splitOnce(text(field) ?? "", ":");
  if (!isAbsolute(field, target)) return [];
  const words = options?.split(",").filter((word) => word !== "") ?? [];
  const size = optionOf(words, "size");
  const mode = optionOf(words, "mode");
  const sizeBytes = size === undefined ? undefined : parseBytes(size);
  if (size !== undefined && sizeBytes === undefined)
    fail(field, `the size must be such as 64m, but is "${size}"`);
  if (mode !== undefined && !/^[0-7]+$/.test(mode))
    fail(field, `the mode must be octal, but is "${mode}"`);
  const rest = words.filter((word) => !/^(size|mode)=/.test(word)).join(",");
  return [
    {
      type: "tmpfs",
      target,
      ...present({
        sizeBytes,
        mode: mode === undefined ? undefined : Number.parseInt(mode, 8),
        options: rest === "" ? undefined : rest,
      }),
    },
  ];
}

function optionOf(words: string[], name: string): string | undefined {
  return words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1);
}
