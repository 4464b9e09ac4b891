// What a commit would do to a deployment's devices, as a table to decide on.
import type { PreviewView } from "#hub/api/preview.ts";
import type { Column } from "#hub/cli/terminal/table.ts";
import type { Terminal } from "#hub/cli/terminal/terminal.ts";
import type { Risk } from "#hub/rollout/preview.ts";
import { noticeText } from "./notice.ts";
import { createPage } from "./page.ts";

type Row = PreviewView["devices"][number];

export function printPreview(
  terminal: Pick<Terminal, "out" | "paint" | "width">,
  preview: PreviewView,
): void {
  const { out, paint } = terminal;
  const page = createPage(terminal);
  const { deployment, branch, commit, devices, kept, unchanged, atRisk, downloadBytes } = preview;
  out(paint(`${deployment} at ${branch} ${commit.slice(0, 8)}`, "bold"));
  const stay =
    kept.length === 0 ? "" : `, ${kept.length} would but ${kept.length === 1 ? "is" : "are"} kept`;
  page.line("Devices", `${devices.length} change, ${unchanged} do not${stay}`);
  page.line("Download", `${bytesText(downloadBytes)} in all`);
  page.line("Restarts", restartsText(devices));
  page.line("At risk", atRisk === 0 ? "none" : risksText(devices), atRisk === 0 ? "good" : "bad");
  if (devices.length > 0) {
    out("");
    page.table(columns, devices);
  }
  if (kept.length === 0) return;
  page.heading("Kept where they are");
  page.table(keptColumns, kept);
}

const keptColumns: Column<PreviewView["kept"][number]>[] = [
  { title: "DEVICE", text: ({ device }) => device },
  {
    title: "WHY",
    text: ({ why }) => why.map((notice) => noticeText(notice)).join("; "),
    atLeast: 20,
  },
];

const columns: Column<Row>[] = [
  { title: "DEVICE", text: ({ device }) => device },
  {
    title: "DOWNLOAD",
    text: ({ downloadBytes }) => (downloadBytes === 0 ? "there" : bytesText(downloadBytes)),
  },
  { title: "RESTARTS", text: ({ services }) => servicesText(services), atLeast: 12 },
  {
    title: "AT RISK",
    text: ({ risks }) => risks.map((risk) => riskWords[risk]).join(", "),
    tone: () => "bad",
    atLeast: 10,
  },
];

const riskWords: Readonly<Record<Risk, string>> = {
  away: "away",
  safeMode: "in safe mode",
  locked: "version locked",
  windowClosed: "window closed",
  diskShort: "disk short",
  quarantined: "failed here before",
  unhealthy: "unhealthy now",
};

function servicesText(services: Row["services"]): string {
  if (services === null) return "unknown";
  return services.length === 0 ? "none" : services.join(", ");
}

/** How many devices each service restarts on. */
function restartsText(devices: readonly Row[]): string {
  const counts = new Map<string, number>();
  let unknown = 0;
  for (const { services } of devices) {
    if (services === null) unknown += 1;
    for (const name of services ?? []) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const known = [...counts].map(([name, count]) => `${name} on ${count}`);
  const words = unknown === 0 ? known : [...known, `unknown on ${unknown}`];
  return words.length === 0 ? "none" : words.join(", ");
}

function risksText(devices: readonly Row[]): string {
  const all = devices.flatMap(({ risks }) => risks);
  const names = [...new Set(all)];
  const count = (risk: Risk): number => all.filter((one) => one === risk).length;
  return names.map((risk) => `${count(risk)} ${riskWords[risk]}`).join(", ");
}

const units: readonly [number, string][] = [
  [1e9, "GB"],
  [1e6, "MB"],
  [1e3, "kB"],
];

function bytesText(bytes: number): string {
  const unit = units.find(([size]) => bytes >= size);
  return unit === undefined ? `${bytes} B` : `${(bytes / unit[0]).toFixed(1)} ${unit[1]}`;
}
