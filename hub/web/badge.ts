// A status as word, shape and colour, so that none of them is needed alone.
import { html, raw } from "hono/html";
import type { UpdateView } from "#hub/api/update_view.ts";
import type { InstanceReport } from "#shared/reported.ts";
import type { Connection, HealthStatus, SyncStatus } from "#shared/status.ts";
import type { TelemetryState } from "#shared/telemetry.ts";
import type { Html } from "./html.ts";

export type Tone = "good" | "busy" | "warn" | "bad" | "none";

const shapes = {
  tick: "M2.2 6.4 4.8 9l5-6",
  arrows: "M2 4.2h7L6.8 2M10 7.8H3L5.2 10",
  question: "M4 4.2a2 2 0 1 1 2.8 1.9c-.6.3-.8.6-.8 1.2M6 9.4v.2",
  half: "M6 1.6a4.4 4.4 0 1 0 4.4 4.4M6 3.6V6l1.8 1.2",
  cross: "M2.8 2.8l6.4 6.4M9.2 2.8 2.8 9.2",
  gap: "M6 1.6h.1M9.1 2.9h.1M10.4 6h.1M9.1 9.1h.1M6 10.4h.1M2.9 9.1H3M1.6 6h.1M2.9 2.9H3",
  pause: "M4.2 2.6v6.8M7.8 2.6v6.8",
  dot: "M6 4.6a1.4 1.4 0 1 0 0 2.8 1.4 1.4 0 0 0 0-2.8M1.8 6a4.2 4.2 0 1 0 8.4 0 4.2 4.2 0 0 0-8.4 0",
  ring: "M1.8 6a4.2 4.2 0 0 1 4.2-4.2M10.2 6A4.2 4.2 0 0 1 6 10.2M6 6h.1",
  slash: "M1.8 6a4.2 4.2 0 1 0 8.4 0 4.2 4.2 0 0 0-8.4 0M3 9l6-6",
  back: "M4.4 2 2 4.4l2.4 2.4M2 4.4h5a2.8 2.8 0 1 1 0 5.6H4",
  minus: "M2.4 6h7.2",
} as const;
type Shape = keyof typeof shapes;

export type Look = readonly [Tone, Shape];

const syncLooks: Record<SyncStatus, Look> = {
  Synced: ["good", "tick"],
  OutOfSync: ["warn", "arrows"],
  Unknown: ["none", "question"],
};
const healthLooks: Record<HealthStatus, Look> = {
  Healthy: ["good", "tick"],
  Progressing: ["busy", "half"],
  Degraded: ["bad", "cross"],
  Missing: ["bad", "gap"],
  Suspended: ["none", "pause"],
  Unknown: ["none", "question"],
};
const connectionLooks: Record<Connection, Look> = {
  Online: ["good", "dot"],
  Stale: ["warn", "ring"],
  Offline: ["bad", "slash"],
};
const outcomeLooks: Record<UpdateView["outcome"], Look> = {
  running: ["busy", "half"],
  succeeded: ["good", "tick"],
  refused: ["bad", "slash"],
  rolledBack: ["warn", "back"],
  superseded: ["none", "minus"],
  failed: ["bad", "cross"],
};
const instanceLooks: Record<InstanceReport["state"], Look> = {
  created: ["busy", "half"],
  running: ["good", "dot"],
  restarting: ["warn", "back"],
  exited: ["bad", "slash"],
  paused: ["none", "pause"],
  dead: ["bad", "cross"],
};

const telemetryLooks: Record<TelemetryState, Look> = {
  operational: ["good", "tick"],
  degraded: ["warn", "half"],
  down: ["bad", "cross"],
  unknown: ["none", "question"],
};

const outcomeWords: Record<UpdateView["outcome"], string> = {
  running: "Under way",
  succeeded: "Succeeded",
  refused: "Refused",
  rolledBack: "Rolled back",
  superseded: "Superseded",
  failed: "Failed",
};

export const syncBadge = (status: SyncStatus): Html => badge(status, syncLooks[status]);
export const healthBadge = (status: HealthStatus): Html => badge(status, healthLooks[status]);
export const connectionBadge = (status: Connection): Html => badge(status, connectionLooks[status]);
export const outcomeBadge = (outcome: UpdateView["outcome"]): Html =>
  badge(outcomeWords[outcome], outcomeLooks[outcome]);
export const instanceBadge = (state: InstanceReport["state"]): Html =>
  badge(state, instanceLooks[state]);
export const telemetryBadge = (state: TelemetryState): Html => badge(state, telemetryLooks[state]);
export const telemetryTone = (state: TelemetryState): Tone => telemetryLooks[state][0];
export const conditionBadge = (status: "True" | "False" | "Unknown"): Html =>
  badge(
    status,
    status === "Unknown" ? ["none", "question"] : ["none", status === "True" ? "tick" : "minus"],
  );
export const refusedBadge = (): Html => badge("Refused", ["bad", "slash"]);
export const acceptedBadge = (): Html => badge("Accepted", ["good", "tick"]);
export const warningBadge = (type: "Normal" | "Warning"): Html =>
  badge(type, type === "Warning" ? ["warn", "cross"] : ["none", "minus"]);

/** The look of a count: quiet while it is zero. */
export function toneOf(status: SyncStatus | HealthStatus | Connection): Tone {
  const looks: Record<string, Look> = { ...syncLooks, ...healthLooks, ...connectionLooks };
  return looks[status]?.[0] ?? "none";
}

/** Where no column names the dimension: sync and health share the word Unknown. */
export function namedBadge(dimension: string, shown: Html): Html {
  return html`<span class="named"><span class="muted">${dimension}</span> ${shown}</span>`;
}

export function icon(shape: Shape): Html {
  return html`<svg class="icon" viewBox="0 0 12 12" aria-hidden="true"><path d="${raw(shapes[shape])}"/></svg>`;
}

export function badge(word: string, [tone, shape]: Look): Html {
  return html`<span class="badge ${tone}">${icon(shape)}${word}</span>`;
}
