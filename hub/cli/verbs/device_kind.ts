// The word `device` of verbs that could once take other kinds too.
import { deviceName } from "#hub/cli/resources/names.ts";
import { FleetError } from "#shared/errors.ts";

export function isDeviceKind(word: string): boolean {
  return ["device", "devices", "dev"].includes(word);
}

/** The devices that `device NAME…` or `device/NAME` means.
 *  @throws FleetError request_invalid */
export function devicesMeant(verb: string, word: string, names: readonly string[]): string[] {
  const all = isDeviceKind(word) ? names : [word, ...names];
  const hasKind = isDeviceKind(word) || deviceName(word) !== word;
  if (hasKind && all.length > 0) return all.map(deviceName);
  throw new FleetError("request_invalid", {
    message: hasKind ? "which device?" : `this verb takes a device, and not "${word}"`,
    hint: `Write: fleet ${verb} device ${hasKind || names.length > 0 ? "NAME" : word}`,
  });
}
