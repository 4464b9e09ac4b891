// The apps of the device: what serves, why it is not as wanted, the update under way, the services.
import { html } from "hono/html";
import type { AppReport, ServiceReport } from "#shared/reported.ts";
import { chain } from "./chain.ts";
import { button } from "./forms.ts";
import { badge, commit, type Html, moment, table } from "./html.ts";
import { stagesStrip } from "./stages.ts";
import { type PageView, wallAgeMs } from "./view.ts";
import { workloadsTable } from "./workloads.ts";

export function appsSection(view: PageView): Html {
  const { apps, generation } = view.status;
  // Before the first desired state nobody knows.
  const none = generation === 0 ? "Not known yet." : "No app is wanted here.";
  const body = apps.length === 0 ? html`<p>${none}</p>` : apps.map((app) => appCard(view, app));
  return html`<section aria-labelledby="apps"><h2 id="apps">Apps</h2>${body}</section>`;
}

function appCard(view: PageView, app: AppReport): Html {
  const running = view.status.running?.find((one) => one.app === app.name);
  return html`<article class="card" id="app-${app.name}" aria-labelledby="app-${app.name}-name">
<div class="title"><h3 id="app-${app.name}-name">${app.name}</h3><p>${badge(app.sync)} ${badge(app.health)}</p></div>
${servesText(app)}
${chain(app.name, app.why)}
${failureText(view, app)}
${running === undefined ? "" : stagesStrip(view, running, app)}
${retryButton(view, app)}
${servicesTable(view, app)}
${workloadsTable(view, app.name)}
</article>`;
}

function servesText({ current, target, step }: AppReport): Html {
  const serves =
    current === undefined
      ? "Nothing serves yet."
      : html`Serves commit ${commit(current.commit)} of ${current.branch}.`;
  const wanted = target === undefined ? "" : html` Wanted: commit ${commit(target.commit)}.`;
  const now = step === undefined ? "" : html` Now: ${step}.`;
  return html`<p>${serves}${wanted}${now}</p>`;
}

function failureText(view: PageView, { failure, retryAt }: AppReport): Html {
  const again = retryAt === undefined ? "" : html` ${retryText(view, retryAt)}`;
  if (failure === undefined) return html`${again === "" ? "" : html`<p>${again}</p>`}`;
  const { code, message, hint, at } = failure;
  return html`<p class="failure"><strong>Last failure</strong> (${moment(at, wallAgeMs(view, at))}, <code>${code}</code>): <bdi>${message}</bdi>${hint === undefined ? "" : html` <em><bdi>${hint}</bdi></em>`}${again}</p>`;
}

function retryText({ status }: PageView, retryAt: number): string {
  const waitMs = retryAt - status.at;
  return waitMs <= 0 ? "It is tried again now." : `It is tried again in ${waitText(waitMs)}.`;
}

function waitText(waitMs: number): string {
  return waitMs < 90_000 ? `${Math.ceil(waitMs / 1000)} s` : `${Math.round(waitMs / 60_000)} min`;
}

function retryButton(view: PageView, { name, sync, quarantined }: AppReport): Html {
  const isWell = sync === "Synced" && quarantined.length === 0;
  if (isWell || view.status.safeMode !== undefined) return html``;
  return button(view, {
    action: "/v1/retry",
    label: "Try again now",
    about: name,
    fields: { app: name },
  });
}

function servicesTable(view: PageView, { name, services }: AppReport): Html {
  if (services.length === 0) return html``;
  const columns = ["Service", "Health", "Ready", "Restarts", "Runtime"];
  const canRestart = view.isSignedIn && view.canAct;
  const rows = services.map((service) => [
    service.name,
    badge(service.health),
    `${service.ready} of ${service.wanted}`,
    restartsOf(service),
    service.runtime,
    ...(canRestart ? [restartButton(view, name, service)] : []),
  ]);
  const all = canRestart ? [...columns, "Action"] : columns;
  return table(`Services of ${name}`, all, rows);
}

function restartsOf({ instances }: ServiceReport): number {
  return instances.reduce((sum, { restarts }) => sum + restarts, 0);
}

function restartButton(view: PageView, app: string, { name }: ServiceReport): Html {
  return button(view, {
    action: `/v1/services/${encodeURIComponent(app)}/${encodeURIComponent(name)}/restart`,
    label: "Restart",
    about: `${name} of ${app}`,
  });
}
