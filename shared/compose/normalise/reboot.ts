// Warns of services that nobody starts again after a reboot, where the file does not say that this is meant.
import type { ComposeService } from "#shared/compose/model.ts";
import { at, type Field, isSet, warn } from "./field.ts";

/** Compose's default is `no`: neither the Engine nor the device starts what ended with the boot. A service
 *  whose completion others wait for is meant to end.
 *  @param field the service in the file */
export function warnOfReboot(
  field: Field,
  name: string,
  services: Readonly<Record<string, ComposeService>>,
): void {
  const restart = at(field, "restart");
  if (isSet(restart) || isSet(at(field, "deploy", "restart_policy"))) return;
  const isAwaited = Object.values(services).some(
    ({ dependsOn }) => dependsOn[name]?.condition === "service_completed_successfully",
  );
  if (isAwaited) return;
  warn(
    restart,
    'is not set, so the service stays down after a reboot: write unless-stopped, or "no" where that is meant',
  );
}
