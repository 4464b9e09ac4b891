// Answers "why is it not converged?": a chain of causes, the nearest first, each next why the one before holds.
import type { AppReport, Cause, FailureReport, SafeModeReport } from "#shared/reported.ts";
import { type Attempt, graceSince, onTrial } from "./attempt.ts";
import { isDamped, type Repair } from "./damping.ts";
import { holdOf, versionLock } from "./hold.ts";
import type { AppInput } from "./input.ts";
import { renderSteps, type Step } from "./step.ts";
import { trialVerdict } from "./trial.ts";

/** What holds for all apps of the device. */
export interface DeviceFacts {
  hasDesired: boolean;
  safeMode?: Pick<SafeModeReport, "message"> | undefined;
  link: { connected: boolean; isolated: boolean; problem?: string };
  /** Where the run is that is under way. */
  run?: Cause | undefined;
}

export interface WhyInput {
  input: AppInput;
  steps: readonly Step[];
  report: Pick<AppReport, "sync" | "health" | "services">;
  /** Share of the present stage of the attempt, where it is known. */
  progress: number | undefined;
  repairs: ReadonlyMap<string, Repair>;
  /** Why no runtime that the app needs answers. */
  blindBy: string | undefined;
  unreadable: FailureReport | undefined;
  device: DeviceFacts;
}

/** Why the app is not as desired, or not healthy; [] when it is both. Pure. */
export function whyNot(given: WhyInput): Cause[] {
  const { input, report, blindBy = "no runtime answers" } = given;
  if (report.sync === "Synced" && report.health === "Healthy") return [];
  if (input.blind) return [cause("RuntimeNotAnswering", blindBy)];
  if (input.resting === "suspended") return whySuspended(given);
  if (input.resting === "drained") return whyDrained(given);
  if (input.attempt !== undefined) return whyAttempt(given, input.attempt);
  if (input.target === undefined) return whyStillThere(given);
  if (input.target.revision !== input.current) return whyNotBegun(given);
  return [...whyRepairing(given), ...whyUnhealthy(given)];
}

/** Why the device as a whole is not converged; [] when it is. Pure.
 *  @param apps those of its apps, by name */
export function whyDevice(
  device: DeviceFacts,
  apps: readonly Pick<AppReport, "name" | "why">[],
): Cause[] {
  if (!device.hasDesired) {
    return [cause("NoDesiredState", "no desired state has arrived yet"), ...whyNoHub(device)];
  }
  if (device.safeMode !== undefined) return [...runningNow(device), safeMode(device)];
  const behind = apps.find(({ why }) => why !== undefined && why.length > 0);
  const ofApp = (behind?.why ?? []).map(({ reason, message }) => ({
    reason,
    message: `${behind?.name}: ${message}`,
  }));
  return [...runningNow(device), ...ofApp.filter(({ reason }) => reason !== device.run?.reason)];
}

function cause(reason: string, message: string): Cause {
  return { reason, message };
}

function safeMode({ safeMode: entered }: DeviceFacts): Cause {
  return cause("SafeMode", `the device is in safe mode: ${entered?.message ?? ""}`);
}

/** Mode `hold` or `safe`, where it keeps a change from being made. */
function whyMode({ input, device }: WhyInput): Cause[] {
  if (input.mode === "safe") return [safeMode(device)];
  return input.mode === "hold" ? [cause("OnHold", "the fleet holds this device")] : [];
}

function whySuspended({ input, device }: WhyInput): Cause[] {
  const message = `${input.app} was stopped, since it did not become healthy in safe mode`;
  return [cause("Suspended", message), safeMode(device)];
}

function whyDrained({ input, device }: WhyInput): Cause[] {
  const message = `${input.app} was stopped by a run`;
  return [cause("Drained", message), ...runningNow(device)];
}

function runningNow({ run }: DeviceFacts): Cause[] {
  return run === undefined ? [] : [run];
}

function whyStillThere(given: WhyInput): Cause[] {
  const { app } = given.input;
  return [...whyMode(given), cause("Removing", `${app} is not wanted here any more`)];
}

function whyNotBegun(given: WhyInput): Cause[] {
  const { input } = given;
  const failure = input.quarantined.get(input.target?.revision ?? ("" as never));
  const lock = versionLock(input);
  const kept = [
    ...whyMode(given),
    ...(lock === undefined ? [] : [cause(lock.reason, lock.message)]),
    ...(failure === undefined ? [] : whyQuarantined(given, failure)),
  ];
  return kept.length > 0 ? kept : [cause("Preparing", "the update is about to begin")];
}

function whyQuarantined(given: WhyInput, failure: FailureReport): Cause[] {
  const release = given.input.target?.spec.release.digest.slice(0, 12);
  const message = `release ${release} failed here and is not tried again`;
  return [cause("Quarantined", message), ...whyFailed(given, failure)];
}

function whyAttempt(given: WhyInput, attempt: Attempt): Cause[] {
  const { stage, failure } = attempt;
  if (stage === "hold") return whyHeld(given, attempt);
  if (stage === "rollBack" || stage === "restore") {
    const because = failure === undefined ? [] : whyFailed(given, failure);
    return [cause("RollingBack", "the device goes back to the last good release"), ...because];
  }
  if (failure !== undefined && attempt.retryMonotonicMs !== undefined) {
    return whyWaiting(given, { what: stage, untilMs: attempt.retryMonotonicMs, failure });
  }
  if (onTrial.has(stage)) return whyOnTrial(given, attempt);
  return [cause("Preparing", `${stage}${shareText(given.progress)}`)];
}

/** The device's own reasons first: while they hold, the app is not even asked. */
function whyHeld(given: WhyInput, { failure, stage }: Attempt): Cause[] {
  const hold = holdOf(given.input);
  const kept = [
    ...(hold === undefined ? [] : [cause(hold.reason, hold.message)]),
    ...(failure === undefined ? [] : whyFailed(given, failure)),
  ];
  return kept.length > 0 ? kept : [cause("Preparing", stage)];
}

function whyOnTrial(given: WhyInput, attempt: Attempt): Cause[] {
  const { input, steps } = given;
  const graceMs = input.serving?.policy.gracePeriodMs ?? 0;
  const leftMs = Math.max(0, graceMs - (input.nowMs - graceSince(attempt)));
  const verdict = trialVerdict(input);
  const [step] = steps;
  const waits = step?.kind === "wait" ? step.reason : undefined;
  const still = verdict?.is === "waiting" ? verdict.reason : "it must stay healthy for a while";
  const message = `on trial for ${seconds(graceMs)} at most, ${seconds(leftMs)} left: ${waits ?? still}`;
  const dependency = waits === undefined ? [] : [cause("WaitingForDependency", waits)];
  return [cause("OnTrial", message), ...dependency];
}

function whyRepairing(given: WhyInput): Cause[] {
  const { input, steps, unreadable } = given;
  if (unreadable !== undefined && input.serving === undefined) {
    return [cause("ReleaseUnreadable", unreadable.message)];
  }
  const [step] = steps;
  const damped = [...given.repairs].filter(([service]) => isDamped(input, service));
  if (step?.kind === "wait" && step.untilMs !== undefined && damped.length > 0) {
    return damped.flatMap(([service, repair]) => whyDamped(given, service, repair));
  }
  if (step?.kind === "wait") return [cause("WaitingForDependency", step.reason)];
  return step === undefined || step.kind === "relabel"
    ? []
    : [cause("Repairing", renderSteps([step]))];
}

function whyDamped(
  given: WhyInput,
  service: string,
  { count, notBeforeMs: untilMs, failure }: Repair,
): Cause[] {
  const what = `the repair of ${service === "" ? given.input.app : service}`;
  if (failure !== undefined) return whyWaiting(given, { what, untilMs, failure });
  const left = seconds(untilMs - given.input.nowMs);
  const message = `${service} drifted again soon after each of ${count} repairs; the next one in ${left}`;
  return [cause("RepairDamped", message)];
}

function whyUnhealthy({ input, report }: WhyInput): Cause[] {
  const services = report.services.filter(({ health }) => health !== "Healthy");
  const causes = services.map(({ name, health, wanted, ready, instances }) => {
    const bad = instances.find((one) => one.state !== "running" || one.health === "unhealthy");
    const code = bad?.exitCode === undefined ? "" : ` with exit code ${bad.exitCode}`;
    const state = bad?.state === "running" ? "unhealthy" : bad?.state;
    const detail = bad === undefined ? "" : `: ${name}-${bad.index} is ${state}${code}`;
    const reason = health === "Progressing" ? "ServiceStarting" : "ServiceUnhealthy";
    return cause(reason, `${name} has ${ready} of ${wanted} healthy copies${detail}`);
  });
  const failing = input.hasProbes ? input.probes?.results.find(({ ok }) => !ok) : undefined;
  const probes = failing === undefined ? [] : [cause("ProbeFailing", failing.detail)];
  return [...causes, ...probes];
}

interface Waiting {
  what: string;
  /** Ms since boot. */
  untilMs: number;
  failure: FailureReport;
}

/** A cause that people can remove stands first; else it is only a matter of time. */
function whyWaiting(given: WhyInput, { what, untilMs, failure }: Waiting): Cause[] {
  const because = whyFailed(given, failure);
  if (removable.has(failure.code)) return because;
  const left = seconds(Math.max(0, untilMs - given.input.nowMs));
  return [cause("RetryAt", `${what} is tried again in ${left}`), ...because];
}

const removable: ReadonlySet<string> = new Set([
  "disk_short",
  "update_held",
  "bundle_unreachable",
  "registry_unreachable",
  "image_missing",
  "image_denied",
  "port_taken",
  "command_missing",
  "runtime_unavailable",
  "runtime_timeout",
]);

function whyFailed({ device }: WhyInput, { code, message }: FailureReport): Cause[] {
  const first = cause(reasonWords[code] ?? camelCase(code), message);
  return code === "bundle_unreachable" ? [first, ...whyNoHub(device)] : [first];
}

function whyNoHub({ link }: DeviceFacts): Cause[] {
  const problem = link.problem ?? "no connection";
  if (link.isolated) return [cause("Isolated", `the hub has not been heard for long: ${problem}`)];
  return link.connected ? [] : [cause("HubUnreachable", problem)];
}

const reasonWords: Readonly<Record<string, string>> = {
  update_held: "HeldByApp",
  runtime_unavailable: "RuntimeNotAnswering",
  runtime_timeout: "RuntimeNotAnswering",
};

/** `disk_short` becomes `DiskShort`. */
function camelCase(code: string): string {
  return code
    .split("_")
    .map((word) => `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`)
    .join("");
}

function shareText(share: number | undefined): string {
  return share === undefined ? "" : `, ${Math.round(share * 100)} %`;
}

function seconds(ms: number): string {
  return `${Math.ceil(ms / 1000)} s`;
}
