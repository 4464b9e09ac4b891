// The step wipe: once every app rests, their data, releases and bundles go; identity and journal stay.
import type { Executors, Seen } from "#edge/run/port.ts";
import { FleetError } from "#shared/errors.ts";
import type { AppName } from "#shared/ids.ts";
import type { StepParts } from "./parts.ts";
import { atRest } from "./rest.ts";

export function createWipe({ parts, tasks }: StepParts): Executors["wipe"] {
  const { releases, runtimes, journal, projectOf } = parts;

  const wipeApp = async (app: AppName): Promise<void> => {
    for (const runtime of runtimes) await runtime.wipe(app, projectOf(app));
    await releases.removeApp(app);
    for (const { app: owner, revision } of journal.quarantined()) {
      if (owner === app) journal.release(app, revision);
    }
  };

  const wipeAll = async ({ apps, stored }: Seen, signal: AbortSignal): Promise<void> => {
    for (const app of new Set([...stored, ...apps.map(({ name }) => name)])) {
      if (signal.aborted) throw brokenOff();
      await wipeApp(app);
    }
    if (signal.aborted) throw brokenOff();
    await releases.sweep({ wanted: new Set(), bundles: "spare" });
    for (const runtime of runtimes) await runtime.collectImages?.([]);
  };

  return {
    act: async (context) => {
      const { seen, key, waitsFor } = context;
      if (seen === undefined || atRest(context, () => true) === "acting") return "acting";
      waitsFor("the disk");
      if ((await tasks.run(key, (signal) => wipeAll(seen, signal))) === "running") return "acting";
      // A repair that was under way may have brought something back.
      return (await releases.apps()).length === 0 ? "done" : "acting";
    },
    stop: async ({ key }) => {
      tasks.cancel(key);
      return "done";
    },
  };
}

/** Between two apps: of each one everything goes, or nothing. */
function brokenOff(): FleetError {
  return new FleetError("interrupted", { message: "the wipe was broken off" });
}
