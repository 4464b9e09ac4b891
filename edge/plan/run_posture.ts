// What a run asks of the app loop while it goes on: which apps rest, and which are installed at once.
import type { AppName } from "#shared/ids.ts";
import type { RunStep } from "#shared/plan.ts";
import { presentStep, type RunState } from "./run.ts";

/** Whether the app is to run no copy now. Over with the run, but for what was wiped: that stays so for as long
 *  as the order stands. Pure.
 *  @param ordered the run of the newest desired state */
export function restsApp(
  state: RunState | undefined,
  app: AppName,
  ordered: string | undefined,
): boolean {
  if (state === undefined) return false;
  const { rests, isWiped } = begunSteps(state).reduce(
    (before, step) => afterStep(before, step, app),
    { rests: false, isWiped: false },
  );
  return state.ended === undefined ? rests : isWiped && ordered === state.order.id;
}

/** Whether the app is brought to what is desired whatever window, lock or hold there is. Pure. */
export function forcesApp(state: RunState | undefined, app: AppName): boolean {
  if (state?.trying === undefined) return false;
  const step = presentStep(state);
  return step?.kind === "installRelease" && isAbout(step, app);
}

/** Those that have done something; a drain only once every app has let go. */
function begunSteps(state: RunState): RunStep[] {
  const { order, index, failed, trying, ended } = state;
  const present = presentStep(state);
  const isBegun = trying !== undefined || failed > 0 || ended !== undefined;
  const counts = present?.kind === "drain" ? trying?.marks.letGo === true : isBegun;
  return order.steps.slice(0, counts ? index + 1 : index);
}

interface Rest {
  rests: boolean;
  isWiped: boolean;
}

function afterStep(before: Rest, step: RunStep, app: AppName): Rest {
  switch (step.kind) {
    case "drain":
      return { ...before, rests: true };
    case "stopApp":
      return isAbout(step, app) ? { ...before, rests: true } : before;
    case "wipe":
      return { rests: true, isWiped: true };
    case "installRelease":
    case "verify":
      return isAbout(step, app) ? { rests: false, isWiped: false } : before;
    default:
      return before;
  }
}

function isAbout(step: { app?: AppName }, app: AppName): boolean {
  return step.app === undefined || step.app === app;
}
