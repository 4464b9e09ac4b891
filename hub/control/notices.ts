// What keeps devices from following the repository by people's word, or because a rollout halted: the banners that
// stand everywhere until it is over.
import { sourceOf } from "#hub/desired/compute/render.ts";
import type { Allowances } from "#hub/ingest/allowances.ts";
import { type Deployment, entryOf, type FleetSnapshot } from "#hub/release/model.ts";
import type { UnreadCommit } from "#hub/release/standing.ts";
import type { Track, Tracks } from "#hub/rollout/track.ts";
import type { Pause } from "#hub/store/memo_port.ts";
import type { DeviceRow } from "#hub/store/port.ts";
import type { FleetHalt } from "#hub/store/rollout_port.ts";
import type { AppName } from "#shared/ids.ts";
import { matches } from "#shared/selector.ts";
import { hasEdits, type Pin } from "./overrides.ts";
import type { Pins } from "./pins.ts";
import { scopeInWords } from "./words.ts";

/** The gravest first. */
export const noticeKinds = [
  "pause",
  "fleetHalt",
  "unread",
  "halt",
  "undo",
  "pin",
  "mode",
  "edits",
  "allowance",
] as const;

export interface Notice {
  kind: (typeof noticeKinds)[number];
  /** What holds, in one sentence without the reason. */
  message: string;
  /** Null where nobody gave one: a rollout that halted by itself. */
  reason: string | null;
  operator: string | null;
  /** Unix ms. */
  at: number | null;
  until: number | null;
  /** What ends it, in words. */
  endsWhen: string;
  deployment: AppName | null;
  /** The number of the pin or of the rollout. */
  number: number | null;
}

/** An undone rollout, as the pin that it is: of the whole deployment, until Git agrees. */
export interface Undone extends Omit<Pin, "id" | "device" | "labelSelector" | "until"> {
  rollout: number;
  /** The release that Git still asks for. */
  undone: { commit: string; digest: string };
}

export interface Notices {
  /** Of the whole fleet, the gravest first. */
  all(): Notice[];
  on(device: Row): Notice[];
  undone(): Undone[];
}

type Row = Pick<
  DeviceRow,
  "id" | "labels" | "edits" | "mode" | "modeReason" | "modeOperator" | "modeAt"
>;

interface Options {
  pins: Pick<Pins, "on" | "rows">;
  tracks: Pick<Tracks, "byDeployment" | "snapshots">;
  rollouts: { fleetHalt(): FleetHalt | null };
  fleet: {
    snapshot(): FleetSnapshot | undefined;
    unread?(): readonly UnreadCommit[];
  };
  /** After the hub's store was lost or restored. */
  pause?: { state(): Pause | null };
  /** Devices of which more has come than the hub keeps. */
  allowances?: Pick<Allowances, "exceeding">;
}

export function createNotices({
  pins,
  tracks,
  rollouts,
  fleet,
  pause,
  allowances,
}: Options): Notices {
  const halts = (): Notice[] => {
    const paused = pause?.state() ?? null;
    const halt = rollouts.fleetHalt();
    return [
      ...(paused === null ? [] : [pauseNotice(paused)]),
      ...(halt === null ? [] : [haltNotice(halt)]),
    ];
  };
  const stopped = (): Notice[] =>
    [...tracks.byDeployment.values()].flatMap((track) => stoppedNotice(track, tracks));
  return {
    all: () => [
      ...halts(),
      ...unreadNotice(fleet.unread?.() ?? []),
      ...stopped(),
      ...pins.rows().map(({ pin }) => pinNotice(pin)),
      ...allowanceNotice(allowances?.exceeding() ?? []),
    ],
    on: (row) => {
      const deployments = deploymentsOn(fleet.snapshot(), row);
      const names = deployments.map(({ name }) => name);
      const branches = new Set(deployments.map(({ branch }) => branch));
      const unread = (fleet.unread?.() ?? []).filter(({ branch }) => branches.has(branch));
      const pinned = names.flatMap((name) => pins.on(name, row) ?? []);
      const free = new Set(names).difference(new Set(pinned.map(({ deployment }) => deployment)));
      return [
        ...halts(),
        ...unreadNotice(unread),
        ...modeNotice(row),
        ...pinned.map(pinNotice),
        ...stopped().filter(({ deployment }) => deployment !== null && free.has(deployment)),
        ...editsNotice(row),
        ...allowanceNotice(
          (allowances?.exceeding() ?? []).filter(({ device }) => device === row.id),
        ),
      ];
    },
    undone: () => [...tracks.byDeployment.values()].flatMap((track) => undoneOf(track, tracks)),
  };
}

function deploymentsOn(fleet: FleetSnapshot | undefined, { labels }: Row): Deployment[] {
  if (fleet === undefined) return [];
  const main = entryOf(fleet.branches, fleet.defaultBranch);
  return (main?.deployments ?? []).filter(({ selector }) => matches(selector, labels));
}

const none = { until: null, deployment: null, number: null } as const;

function pauseNotice({ reason, at }: Pause): Notice {
  const message = "the fleet is paused: nothing new is asked of any device";
  const endsWhen = "somebody says `fleet resume`";
  return { ...none, kind: "pause", operator: null, message, reason, at, endsWhen };
}

function haltNotice(halt: FleetHalt): Notice {
  const message = "the fleet is halted: nothing is released and no commit is taken up";
  const endsWhen = "somebody resumes the fleet";
  return { ...none, ...halt, kind: "fleetHalt", message, endsWhen };
}

/** One of all branches: it has no number to tell several apart. */
function unreadNotice(unread: readonly UnreadCommit[]): Notice[] {
  if (unread.length === 0) return [];
  const names = unread.map(({ branch, commit }) => `${branch} (${commit.slice(0, 8)})`).join(", ");
  const reason = [...new Set(unread.map((one) => one.reason))].join("; ");
  const message = `devices keep what they have of ${names}, whose accepted commit cannot be read`;
  const endsWhen =
    "somebody pushes a commit to the branch, which rolls out as any other, or the missing one again";
  const at = Math.min(...unread.map((one) => one.at));
  return [{ ...none, kind: "unread", operator: null, message, reason, at, endsWhen }];
}

export function pinNotice(pin: Pin): Notice {
  const { operator, reason, at, until = null, deployment, id } = pin;
  const message = `${scopeInWords(pin)} is pinned to ${pin.commit.slice(0, 8)} (release ${pin.digest.slice(0, 12)})`;
  const endsWhen = until === null ? "somebody removes the pin" : "its time is over";
  return { kind: "pin", message, reason, operator, at, until, endsWhen, deployment, number: id };
}

function stoppedNotice(track: Track, tracks: Pick<Tracks, "snapshots">): Notice[] {
  const { id, deployment, head, operator, reason, changedAt: at, commit } = track.row;
  const common = { reason, operator, at, until: null, deployment, number: id };
  if (head.state === "Halted") {
    const message = `rollout ${id} of ${deployment} to ${commit.slice(0, 8)} is halted`;
    const endsWhen = "somebody resumes, promotes or undoes it, or a new commit replaces it";
    return [{ ...common, kind: "halt", message, endsWhen }];
  }
  return undoneOf(track, tracks).map((undone) => ({
    ...common,
    kind: "undo",
    message: `${deployment} stays at ${undone.commit.slice(0, 8)}: rollout ${id} to ${commit.slice(0, 8)} was undone`,
    endsWhen: "Git no longer asks for what was undone, or somebody resumes the rollout",
  }));
}

function undoneOf({ row }: Track, { snapshots }: Pick<Tracks, "snapshots">): Undone[] {
  if (row.head.state !== "Undone") return [];
  const base = snapshots.get(row.base);
  const kept = base === undefined ? undefined : sourceOf(base, row.deployment);
  if (kept === undefined) return [];
  return [
    {
      rollout: row.id,
      deployment: row.deployment,
      ...{ branch: kept.branch.branch, commit: kept.branch.commit },
      ...{ role: kept.release.role, digest: kept.release.digest },
      ...{ operator: row.operator ?? "", reason: row.reason ?? "", at: row.changedAt },
      undone: { commit: row.commit, digest: row.digest },
    },
  ];
}

export function modeNotice({
  mode,
  modeReason: reason,
  modeOperator: operator,
  modeAt: at,
}: Pick<Row, "mode" | "modeReason" | "modeOperator" | "modeAt">): Notice[] {
  if (mode === "run") return [];
  const isHeld = mode === "hold";
  const message = isHeld ? "it is on hold and begins nothing new" : "safe mode was ordered";
  const endsWhen = isHeld ? "somebody unholds it" : "somebody lets it leave safe mode";
  return [{ ...none, kind: "mode", message, reason, operator, at, endsWhen }];
}

function editsNotice({ edits }: Row): Notice[] {
  if (!hasEdits(edits)) return [];
  const all = [...Object.entries(edits.labels), ...Object.entries(edits.values)];
  const newest = all.map(([, edit]) => edit).toSorted((a, b) => b.at - a.at)[0];
  if (newest === undefined) return [];
  const labels = Object.entries(edits.labels).map(([key, { value }]) =>
    value === null ? `no label ${key}` : `label ${key}=${value}`,
  );
  const values = Object.keys(edits.values).map((name) => `value ${name}`);
  const message = `set by hand over its files: ${[...labels, ...values].join(", ")}`;
  const { operator, reason, at } = newest;
  return [
    { ...none, kind: "edits", message, operator, reason, at, endsWhen: "somebody resets it" },
  ];
}

/** More would hide what else there is to say. */
const namedDevices = 5;

/** One of all devices: it has no number to tell several apart. */
function allowanceNotice(exceeding: ReturnType<Allowances["exceeding"]>): Notice[] {
  const [first] = exceeding;
  if (first === undefined) return [];
  const names = exceeding.slice(0, namedDevices).map(({ device }) => device);
  const more = exceeding.length - names.length;
  const who = `${names.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
  const message = `more has come of ${who} than the hub keeps of one device: what is older or matters less goes`;
  const endsWhen = "nothing had to go for a day";
  return [
    {
      ...none,
      kind: "allowance",
      operator: null,
      message,
      reason: null,
      at: first.since,
      endsWhen,
    },
  ];
}
