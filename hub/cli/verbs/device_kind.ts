// The word `device` of verbs that could once take other kinds too.
import { FleetError } from "#shared/errors.ts";

/** @throws FleetError request_invalid */
export function requireDeviceKind(word: string): void {
  if (["device", "devices", "dev"].includes(word)) return;
  throw new FleetError("request_invalid", {
    message: `this verb takes a device, and not "${word}"`,
    hint: "Write: device NAME",
  });
}
