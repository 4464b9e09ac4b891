// The fleet as lines of a tree. Pure.
import type { AppSummary, DeviceSummary } from "#hub/api/device_view.ts";
import { whyOf } from "#hub/cli/resources/devices.ts";
import { shortId } from "#hub/cli/resources/resource.ts";
import { type Tone, toneOf } from "#hub/cli/terminal/colour.ts";
import { printable } from "#hub/cli/terminal/text.ts";
import type { ServiceReport } from "#shared/reported.ts";

export const depths = ["site", "device", "app", "service"] as const;
export type Depth = (typeof depths)[number];

export interface TreeLine {
  /** The strokes before the text. */
  branch: string;
  text: string;
  tone: Tone | undefined;
}

interface Node {
  text: string;
  tone: Tone | undefined;
  children: Node[];
}

/** @param services by `device/app` */
export function treeOf(
  devices: readonly DeviceSummary[],
  services: ReadonlyMap<string, readonly ServiceReport[]>,
  depth: Depth,
): TreeLine[] {
  const sites = Map.groupBy(devices, ({ labels }) => labels["site"] ?? "(no site)");
  const levels = depths.indexOf(depth);
  const children = [...sites]
    .sort(([a], [b]) => a.localeCompare(b, "en"))
    .map(([site, members]) => siteNode(site, members, services));
  const root = { text: `fleet  ${totals(devices)}`, tone: worstTone(devices), children };
  return linesOf(root, levels + 1, "", "");
}

function siteNode(
  site: string,
  members: readonly DeviceSummary[],
  services: ReadonlyMap<string, readonly ServiceReport[]>,
): Node {
  const children = members.map((device) => deviceNode(device, services));
  return { text: `${site}  ${totals(members)}`, tone: worstTone(members), children };
}

function deviceNode(
  device: DeviceSummary,
  services: ReadonlyMap<string, readonly ServiceReport[]>,
): Node {
  const { id, connection, sync, health, apps } = device;
  const why = whyOf(device);
  return {
    text: `${id}  ${badges(connection, sync, health)}${why === "" ? "" : `  ${printable(why)}`}`,
    tone: worstTone([device]),
    children: apps.map((app) => appNode(app, services.get(`${id}/${app.name}`) ?? [])),
  };
}

function appNode(app: AppSummary, services: readonly ServiceReport[]): Node {
  const { name, sync, health, current, target, step } = app;
  const runs = current === undefined ? "nothing yet" : `${current.role}@${shortId(current.commit)}`;
  const next = target === undefined ? "" : ` -> ${shortId(target.commit)}`;
  const now = step === undefined ? "" : `  ${step}`;
  return {
    text: printable(`${name}  ${runs}${next}  ${badges(sync, health)}${now}`),
    tone: toneOf(health) === "good" ? toneOf(sync) : toneOf(health),
    children: services.map(serviceNode),
  };
}

function serviceNode({ name, health, ready, wanted }: ServiceReport): Node {
  const text = printable(`${name}  ${ready}/${wanted}  ${badges(health)}`);
  return { text, tone: toneOf(health), children: [] };
}

function badges(...words: string[]): string {
  return words.map((word) => `[${word}]`).join(" ");
}

function totals(devices: readonly DeviceSummary[]): string {
  const share = (holds: (device: DeviceSummary) => boolean): string =>
    `${devices.filter(holds).length}/${devices.length}`;
  const online = share(({ connection }) => connection === "Online");
  const synced = share(({ sync }) => sync === "Synced");
  const healthy = share(({ health }) => health === "Healthy");
  return `${online} online, ${synced} synced, ${healthy} healthy`;
}

const order: readonly (Tone | undefined)[] = ["good", "dim", "busy", "bad"];

function worstTone(devices: readonly DeviceSummary[]): Tone | undefined {
  const tones = devices.flatMap(({ connection, sync, health }) =>
    [connection, sync, health].map(toneOf),
  );
  return order[Math.max(...tones.map((tone) => order.indexOf(tone)), -1)];
}

function linesOf(node: Node, levels: number, branch: string, below: string): TreeLine[] {
  const { text, tone, children } = node;
  const shown = levels > 0 ? children : [];
  return [
    { branch, text, tone },
    ...shown.flatMap((child, at) => {
      const isLast = at === shown.length - 1;
      const [stroke, next] = isLast ? ["└─ ", "   "] : ["├─ ", "│  "];
      return linesOf(child, levels - 1, below + stroke, below + next);
    }),
  ];
}
