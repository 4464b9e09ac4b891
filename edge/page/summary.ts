// The device's page: a short summary in plain HTML, readable without script or network.
import { html } from "hono/html";
import type { AppReport } from "#shared/reported.ts";
import type { Liveness, LocalStatus } from "./status.ts";

type Html = ReturnType<typeof html>;

/** @param refreshSeconds after which a browser asks again by itself */
export function renderSummary(
  status: LocalStatus,
  liveness: Liveness,
  refreshSeconds: number,
): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="${refreshSeconds}">
<title>${status.device}: ${status.sync}, ${status.health}</title>
<link rel="stylesheet" href="/style.css">
</head>
<body>
<h1>${status.device}</h1>
${liveness.alive ? "" : html`<p class="Degraded" role="alert">The agent's loop has stopped: ${liveness.reason}.</p>`}
${overview(status)}
<h2>Apps</h2>
${status.apps.length === 0 ? html`<p>No app is wanted here.</p>` : status.apps.map(appBlock)}
<h2>Conditions</h2>
${conditionTable(status)}
<h2>Last updates</h2>
${updateTable(status)}
<footer>Agent ${status.agentVersion}, ${timeText(status.at)}. The same as JSON: <a href="/v1/status">/v1/status</a>.</footer>
</body>
</html>`;
}

function overview(status: LocalStatus): Html {
  const { host } = status;
  const rows: [name: string, text: string, style?: string][] = [
    ["Sync", status.sync, status.sync],
    ["Health", status.health, status.health],
    ["Mode", status.mode],
    ["Hub", connectionText(status)],
    ["Generation", String(status.generation)],
    [
      "Labels",
      Object.entries(status.labels)
        .map((label) => label.join("="))
        .join(", ") || "none",
    ],
    ["Runtimes", status.runtimes.join(", ") || "none"],
  ];
  if (host !== undefined) {
    rows.push(["Memory", shareText(host.memoryUsedBytes, host.memoryTotalBytes)]);
    rows.push(["Disk", shareText(host.diskUsedBytes, host.diskTotalBytes)]);
  }
  return html`<table><tbody>
${rows.map(([name, text, style = ""]) => html`<tr><th scope="row">${name}</th><td class="${style}">${text}</td></tr>`)}
</tbody></table>`;
}

function connectionText({ connection }: LocalStatus): string {
  const { connected, via, problem, lastContactAgoMs } = connection;
  if (connected) return `connected by ${via}`;
  const heard =
    lastContactAgoMs === undefined
      ? "not heard since boot"
      : `last heard ${Math.round(lastContactAgoMs / 1000)} s ago`;
  return problem === undefined ? `not connected, ${heard}` : `not connected, ${heard}: ${problem}`;
}

function appBlock(app: AppReport): Html {
  const { name, current, target, step, failure } = app;
  return html`<section>
<h3>${name} <span class="${app.sync}">${app.sync}</span> <span class="${app.health}">${app.health}</span></h3>
<p>${current === undefined ? "Nothing serves yet." : html`Serves commit <code>${current.commit.slice(0, 12)}</code> of ${current.branch}.`}
${target === undefined ? "" : html`Wanted: commit <code>${target.commit.slice(0, 12)}</code>.`}
${step === undefined ? "" : html`Now: ${step}.`}</p>
${failure === undefined ? "" : html`<p class="Degraded">${failure.code}: ${failure.message} ${failure.hint ?? ""}</p>`}
<table><thead><tr><th scope="col">Service</th><th scope="col">Health</th><th scope="col">Ready</th><th scope="col">Runtime</th></tr></thead><tbody>
${app.services.map((service) => html`<tr><td>${service.name}</td><td class="${service.health}">${service.health}</td><td>${service.ready} of ${service.wanted}</td><td>${service.runtime}</td></tr>`)}
</tbody></table>
</section>`;
}

function conditionTable({ conditions }: LocalStatus): Html {
  return html`<table><thead><tr><th scope="col">Type</th><th scope="col">Status</th><th scope="col">Reason</th><th scope="col">Message</th><th scope="col">Since</th></tr></thead><tbody>
${conditions.map((condition) => html`<tr><td>${condition.type}</td><td>${condition.status}</td><td>${condition.reason}</td><td>${condition.message}</td><td>${timeText(condition.lastTransitionTime)}</td></tr>`)}
</tbody></table>`;
}

function updateTable({ updates }: LocalStatus): Html {
  if (updates.length === 0) return html`<p>None yet.</p>`;
  return html`<table><thead><tr><th scope="col">Ended</th><th scope="col">App</th><th scope="col">Commit</th><th scope="col">Outcome</th><th scope="col">Steps</th></tr></thead><tbody>
${updates.map(
  (update) =>
    html`<tr><td>${timeText(update.finishedAt)}</td><td>${update.app}</td><td><code>${update.commit.slice(0, 12)}</code></td><td>${update.outcome}${update.failure === undefined ? "" : `: ${update.failure.message}`}</td><td>${update.steps.map((step) => `${step.step} ${(step.durationMs / 1000).toFixed(1)} s${step.ok ? "" : " failed"}`).join(", ")}</td></tr>`,
)}
</tbody></table>`;
}

function shareText(used: number, total: number): string {
  const percent = total === 0 ? 0 : Math.round((used / total) * 100);
  return `${percent} % of ${(total / 1e9).toFixed(1)} GB`;
}

function timeText(unixMs: number): string {
  return new Date(unixMs).toISOString().slice(0, 19).replace("T", " ");
}

export const styleSheet = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 0 auto; padding: 1rem; }
table { border-collapse: collapse; margin: 0.5rem 0; }
th, td { text-align: left; vertical-align: top; padding: 0.15rem 1rem 0.15rem 0; }
h3 span { font-size: 0.85rem; font-weight: normal; margin-left: 0.5rem; }
footer { margin-top: 2rem; font-size: 0.85rem; }
.Synced, .Healthy { color: light-dark(#17692f, #7fd695); }
.OutOfSync, .Progressing { color: light-dark(#7a5200, #eec06c); }
.Degraded, .Missing { color: light-dark(#a3161b, #ff9a94); }
`;
