// The steps drain and stopApp: apps let go, and then rest; the loop stops them, since the run's posture says so.

import type { Executors, Seen, StepContext, Verdict } from "#edge/run/port.ts";
import { delayMs } from "#shared/backoff.ts";
import { FleetError } from "#shared/errors.ts";
import type { StepParts } from "./parts.ts";

/** An app that is busy is asked again soon: its pauses may be short. */
const asking = { baseMs: 1000, maxMs: 15_000 };

export function createRestSteps(given: StepParts): Pick<Executors, "drain" | "stopApp"> {
  return {
    drain: {
      act: async (context) => {
        if (context.trying.marks.letGo === true) return atRest(context, () => true);
        const asked = (signal: AbortSignal): Promise<void> => untilLetGo(given, context, signal);
        if ((await given.tasks.run(`${context.key}/ask`, asked)) === "running") return "acting";
        context.mark({ letGo: true });
        return "acting";
      },
      stop: async ({ key }) => {
        given.tasks.cancel(key);
        return "done";
      },
    },
    stopApp: { act: async (context) => atRest(context, (app) => app === context.step.app) },
  };
}

/** @throws FleetError interrupted */
async function untilLetGo(
  { parts }: StepParts,
  context: StepContext,
  signal: AbortSignal,
): Promise<void> {
  for (let tries = 0; !signal.aborted; tries += 1) {
    const busy = await busyApp({ parts }, signal);
    if (busy === undefined) return;
    context.waitsFor(busy);
    await parts.clock.sleep(1000 + delayMs(tries, parts.random(), asking), signal);
  }
  throw new FleetError("interrupted", { message: "the drain was broken off" });
}

/** Why an app does not let go; undefined when all of them do. What cannot be read back has no say. */
async function busyApp(
  { parts }: Pick<StepParts, "parts">,
  signal: AbortSignal,
): Promise<string | undefined> {
  for (const { app, current } of await parts.releases.apps()) {
    if (current === undefined) continue;
    const staged = await parts.releases.load(app, current).catch(() => undefined);
    try {
      if (staged !== undefined) await parts.askApp(staged, { signal });
    } catch (error) {
      if (!(error instanceof FleetError) || error.code !== "update_held") throw error;
      return `${app}: ${error.message}`;
    }
  }
  return undefined;
}

/** Nothing of these apps runs, and no update of them is under way. */
export function atRest(
  { seen, waitsFor }: Pick<StepContext, "seen" | "waitsFor">,
  isMeant: (app: Seen["apps"][number]["name"]) => boolean,
): Verdict {
  if (seen?.blindBy !== undefined) waitsFor(seen.blindBy);
  const restless = seen?.apps.find(
    ({ name, copies, isUpdating }) => isMeant(name) && (copies > 0 || isUpdating),
  );
  if (restless !== undefined) waitsFor(`${restless.name} to come to rest`);
  const isKnown = seen !== undefined && seen.blindBy === undefined;
  return isKnown && restless === undefined ? "done" : "acting";
}
