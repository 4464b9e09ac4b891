// Says in one sentence how the device is, and what comes next. Pure.
import type { AppReport, SafeModeReport } from "#shared/reported.ts";
import { durationText, type Tone } from "./html.ts";
import type { Liveness, LocalStatus } from "./status.ts";

export interface DeviceState {
  tone: Tone;
  /** A sentence with its full stop. */
  sentence: string;
  /** Further sentences. */
  more: string[];
}

type Said = Omit<DeviceState, "more">;

/** The first that holds: from what silences everything else to what is well. */
export function stateOf(status: LocalStatus, liveness: Liveness): DeviceState {
  const said =
    stopped(liveness) ??
    safeMode(status) ??
    waiting(status) ??
    running(status) ??
    held(status) ??
    behind(status) ??
    sick(status) ??
    well(status);
  return { ...said, more: connectionSentences(status) };
}

function stopped(liveness: Liveness): Said | undefined {
  if (liveness.alive) return undefined;
  return { tone: "bad", sentence: `The agent has stopped working: ${liveness.reason}.` };
}

function safeMode({ safeMode: mode }: LocalStatus): Said | undefined {
  if (mode === undefined) return undefined;
  return { tone: "bad", sentence: `This device is in safe mode because ${clause(mode.message)}.` };
}

function waiting({ enrolling, generation, connection }: LocalStatus): Said | undefined {
  if (enrolling !== undefined) {
    const sentence = `This device has not joined its fleet yet: ${clause(enrolling)}.`;
    return { tone: "busy", sentence };
  }
  if (generation > 0) return undefined;
  const where = connection.connected ? "The hub has sent none so far" : "The hub is not reached";
  return {
    tone: "busy",
    sentence: `This device waits for its first desired state. ${where}.`,
  };
}

function running({ run, why = [] }: LocalStatus): Said | undefined {
  if (run === undefined || run.outcome !== undefined) return undefined;
  const where = why.find(({ reason }) => reason === "RunUnderWay")?.message ?? `run ${run.id}`;
  return {
    tone: "busy",
    sentence: `This device carries out what an operator ordered: ${clause(where)}.`,
  };
}

function held({ mode }: LocalStatus): Said | undefined {
  if (mode !== "hold") return undefined;
  const sentence =
    "This device is on hold by the hub’s word: it keeps what runs and updates nothing.";
  return { tone: "warn", sentence };
}

function behind({ apps, sync, why }: LocalStatus): Said | undefined {
  const late = apps.filter((app) => app.sync !== "Synced");
  const [device] = why ?? [];
  if (sync !== "Synced" && device !== undefined) {
    const sentence = `This device is not up to date: ${clause(device.message)}.`;
    return { tone: "warn", sentence };
  }
  const [first] = late;
  if (first === undefined) {
    const unknown = "This device does not know yet whether it is up to date.";
    return sync === "Synced" ? undefined : { tone: "busy", sentence: unknown };
  }
  const reason = first.why?.[0]?.message ?? first.failure?.message;
  const others = late.length === 1 ? "" : ` ${othersText(late.length - 1)} not up to date either.`;
  if (reason === undefined) {
    return { tone: "busy", sentence: `This device is updating: ${progressText(first)}.${others}` };
  }
  const tone = first.failure === undefined ? "busy" : "warn";
  const sentence = `This device is not up to date: ${first.name}: ${clause(reason)}.${others}`;
  return { tone, sentence };
}

function othersText(count: number): string {
  return count === 1 ? "One other app is" : `${count} other apps are`;
}

function progressText({ name, step, progress, target }: AppReport): string {
  const to = target === undefined ? "" : ` to commit ${target.commit.slice(0, 12)}`;
  const share = progress === undefined ? "" : ` at ${Math.round(progress * 100)} %`;
  return `${name}${to}${step === undefined ? "" : `, step ${step}${share}`}`;
}

function sick({ apps, health }: LocalStatus): Said | undefined {
  if (health === "Healthy") return undefined;
  const names = apps.filter((app) => app.health !== "Healthy");
  const list = names.map((app) => `${app.name} is ${app.health}`).join(", ");
  const tone = health === "Progressing" ? "busy" : "bad";
  return { tone, sentence: `This device is up to date, but not healthy: ${list}.` };
}

function well({ apps }: LocalStatus): Said {
  if (apps.length === 0) {
    return { tone: "good", sentence: "This device is healthy, and no app is wanted here." };
  }
  const commits = new Map<string, string[]>();
  for (const { name, current } of apps) {
    const id = current?.commit.slice(0, 12) ?? "unknown";
    commits.set(id, [...(commits.get(id) ?? []), name]);
  }
  const sentence = `This device is healthy and up to date with ${commitsText(commits)}.`;
  return { tone: "good", sentence };
}

function commitsText(commits: ReadonlyMap<string, string[]>): string {
  if (commits.size === 1) return `commit ${[...commits.keys()].join("")}`;
  const each = [...commits].map(([id, names]) => `${id} (${names.join(", ")})`);
  return `commits ${each.slice(0, -1).join(", ")} and ${each.at(-1)}`;
}

function connectionSentences({ connection, isolated, enrolling }: LocalStatus): string[] {
  if (connection.connected || enrolling !== undefined) return [];
  const { lastContactAgoMs, problem } = connection;
  const heard =
    lastContactAgoMs === undefined
      ? "It has not heard from the hub since it started"
      : `It last heard from the hub ${durationText(lastContactAgoMs)} ago`;
  const why = problem === undefined ? "" : `: ${clause(problem)}`;
  const on = "Everything local goes on; reports are kept and sent later.";
  return [`${heard}${why}.`, ...(isolated === true ? [`It is isolated. ${on}`] : [on])];
}

/** What somebody else wrote, as the end of a sentence of ours. */
export function clause(text: string): string {
  return text.trim().replace(/\.$/, "");
}

export const servesWords = {
  lastGood: "The last good releases go on serving.",
  safeStack: "The fleet’s small safe-mode stack serves in place of the apps.",
  nothing: "Nothing but this page and the agent’s reports.",
} as const satisfies Record<SafeModeReport["serves"], string>;

/** What a person can do about it. */
export const nextWords = {
  failedUpdates:
    "Mend the release in the fleet’s repository and commit; then leave safe mode. “Leave and try again” gives the failed release itself another chance.",
  diskFull:
    "Free disk space: remove what no app needs. The device leaves safe mode by itself once there is room.",
  bootLoop:
    "Look into the agent’s log below for what ends it each time. Leave safe mode once it is mended.",
  journal:
    "The journal could not be used or rebuilt: check the disk. Leave safe mode once the disk is well.",
  hub: "The hub asked for it: ask the people who run the fleet why, before you leave it here.",
  hand: "Somebody entered it by hand. Leave it when the work is done.",
} as const satisfies Record<SafeModeReport["cause"], string>;
