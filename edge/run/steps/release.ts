// The steps installRelease and verify: the update machine does the work, and the run looks at what came of it.
import type { Executors, Seen, StepContext, Verdict } from "#edge/run/port.ts";
import type { AppName } from "#shared/ids.ts";
import { type StepParts, stepFailed } from "./parts.ts";

type SeenApp = Seen["apps"][number];

export function createReleaseSteps({
  parts,
}: StepParts): Pick<Executors, "installRelease" | "verify"> {
  const { clock } = parts;
  let fine: { key: string; sinceMs: number } | undefined;
  return {
    installRelease: {
      act: async (context) => {
        const { step, seen } = context;
        if (seen === undefined) return "acting";
        const wanted = wantedApps(seen, step.app);
        for (const app of wanted) if (app.quarantine !== undefined) throw quarantined(app);
        return converged(wanted, seen, context);
      },
    },
    verify: {
      act: async (context) => {
        const { step, seen, key } = context;
        if (seen === undefined) return "acting";
        if (converged(wantedApps(seen, step.app), seen, context) === "acting") {
          fine = undefined;
          return "acting";
        }
        if (fine?.key !== key) fine = { key, sinceMs: seen.sinceMs };
        const leftMs = step.stableMs - (clock.monotonicMs() - fine.sinceMs);
        const isStable = seen.sinceMs - fine.sinceMs >= step.stableMs;
        if (!isStable)
          context.waitsFor(`it to stay so for ${Math.max(0, Math.ceil(leftMs / 1000))} s more`);
        return isStable ? "done" : "acting";
      },
    },
  };
}

/** @throws FleetError step_failed when the named one is not wanted here */
function wantedApps(seen: Seen, only: AppName | undefined): SeenApp[] {
  const wanted = seen.apps.filter(({ isWanted }) => isWanted);
  if (only === undefined) return wanted;
  const named = wanted.filter(({ name }) => name === only);
  if (named.length > 0) return named;
  throw stepFailed(`the device is not to have ${only}`, only, "Check the plan's app.");
}

function converged(
  apps: readonly SeenApp[],
  { blindBy }: Seen,
  { waitsFor }: Pick<StepContext, "waitsFor">,
): Verdict {
  if (blindBy !== undefined) waitsFor(blindBy);
  const behind = apps.find((app) => app.sync !== "Synced" || app.health !== "Healthy");
  if (behind !== undefined) {
    const { name, sync, health, why } = behind;
    waitsFor(`${name}: ${why ?? `${sync}, ${health}`}`);
  }
  return blindBy === undefined && behind === undefined ? "done" : "acting";
}

function quarantined({ name, quarantine }: SeenApp) {
  return stepFailed(
    `the release that is wanted of ${name} failed here: ${quarantine}`,
    name,
    "Commit another release, or have it tried again.",
  );
}
