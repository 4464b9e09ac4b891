// What differs between what a device should have and what it says it has. Pure.
import type { DeviceView } from "#hub/api/device_view.ts";
import type { AppReport } from "#shared/reported.ts";

export interface Difference {
  /** Dotted, e.g. `app.web.release`. */
  field: string;
  /** Null: nothing there. */
  desired: string | null;
  reported: string | null;
  /** Why it differs, where the device says so. */
  why?: string;
}

/** [] means that the device has what it should have. */
export function differences(device: DeviceView): Difference[] {
  const { desired, reported } = device;
  const generation = line(
    "generation",
    desired?.generation,
    device.observedGeneration || undefined,
  );
  const mode = line("mode", desired?.mode, reported?.mode);
  // Another wish under the same number never happens, and would be the worst to overlook.
  const hash = generation === undefined && line("spec", desired?.specHash, device.observedHash);
  const safe = device.safeMode === undefined ? [] : [inSafeMode(device.safeMode.message)];
  return [generation, mode, hash, ...appDifferences(device), ...safe].filter(
    (found) => found !== undefined && found !== false,
  );
}

function line(
  field: string,
  desired: string | number | null | undefined,
  reported: string | number | null | undefined,
): Difference | undefined {
  if ((desired ?? null) === (reported ?? null)) return undefined;
  return { field, desired: textOf(desired), reported: textOf(reported) };
}

function textOf(value: string | number | null | undefined): string | null {
  return value === null || value === undefined ? null : String(value);
}

function inSafeMode(why: string): Difference {
  return { field: "safeMode", desired: null, reported: "in safe mode", why };
}

type Wanted = NonNullable<DeviceView["desired"]>["apps"][number];

function appDifferences({ desired, reported }: DeviceView): Difference[] {
  const wanted = new Map<string, Wanted>((desired?.apps ?? []).map((app) => [app.name, app]));
  const present = new Map<string, AppReport>((reported?.apps ?? []).map((app) => [app.name, app]));
  const names = [...wanted.keys(), ...[...present.keys()].filter((name) => !wanted.has(name))];
  return names.flatMap((name) => appDifference(name, wanted.get(name), present.get(name)));
}

function appDifference(
  name: string,
  wanted: Wanted | undefined,
  present: AppReport | undefined,
): Difference[] {
  const why = (present?.why?.[0] ?? present?.failure)?.message;
  const because = why === undefined ? {} : { why };
  const current = present?.current;
  const [desired, reported] = [releaseText(wanted), releaseText(current)];
  if (wanted?.digest !== current?.digest || (wanted === undefined) !== (present === undefined)) {
    return [{ field: `app.${name}.release`, desired, reported, ...because }];
  }
  const values = present?.target?.revision;
  if (values !== undefined && values !== current?.revision) {
    const texts = {
      desired: values.slice(0, 12),
      reported: current?.revision.slice(0, 12) ?? null,
    };
    return [{ field: `app.${name}.revision`, ...texts, ...because }];
  }
  if (present === undefined || present.sync === "Synced") return [];
  return [{ field: `app.${name}.sync`, desired: "Synced", reported: present.sync, ...because }];
}

function releaseText(release: Omit<Wanted, "name"> | undefined): string | null {
  if (release === undefined) return null;
  const { role, branch, commit, digest } = release;
  return `${role}@${commit.slice(0, 7)} (${branch}) ${digest.slice(0, 12)}`;
}
