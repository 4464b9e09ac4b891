// Maps privileges, capabilities and security options to the Engine's host configuration. Pure.
import type { HostConfig } from "#edge/runtime/docker/calls/api.ts";
import type { ComposeService } from "#shared/compose/model.ts";

export type Security = Pick<
  HostConfig,
  | "CapAdd"
  | "CapDrop"
  | "SecurityOpt"
  | "MaskedPaths"
  | "ReadonlyPaths"
  | "Privileged"
  | "ReadonlyRootfs"
>;

/** @param readProfile text of a seccomp profile: the Engine takes its content, not its path */
export function securityOf(spec: ComposeService, readProfile: (path: string) => string): Security {
  const options = spec.securityOptions.map(keyAndValue);
  const unmasked = options.some(([key, value]) => key === "systempaths" && value === "unconfined");
  return {
    CapAdd: spec.capAdd,
    CapDrop: spec.capDrop,
    SecurityOpt: options
      .filter(([key]) => key !== "systempaths")
      .map(([key, value]) => engineForm(key, value, readProfile)),
    // The Engine has no such option: what docker's client does for it is to empty both lists.
    ...(unmasked ? { MaskedPaths: [], ReadonlyPaths: [] } : {}),
    Privileged: spec.privileged,
    ReadonlyRootfs: spec.readOnly,
  };
}

/** `label:type:x` and `label=type:x` are the same: the first separator counts. */
function keyAndValue(option: string): [key: string, value: string | undefined] {
  const at = option.search(/[=:]/);
  return at < 0 ? [option, undefined] : [option.slice(0, at), option.slice(at + 1)];
}

const builtinProfiles = new Set(["unconfined", "builtin"]);

function engineForm(
  key: string,
  value: string | undefined,
  readProfile: (path: string) => string,
): string {
  if (value === undefined) return key;
  const isFile = key === "seccomp" && !builtinProfiles.has(value);
  return `${key}=${isFile ? readProfile(value) : value}`;
}
