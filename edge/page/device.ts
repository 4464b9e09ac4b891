// The device itself: names, connection, memory, disk, conditions.
import { html } from "hono/html";
import { deepCheckNote } from "./deep_check.ts";
import { diskBar } from "./disk.ts";
import { button } from "./forms.ts";
import { badge, bytesText, durationText, type Html, moment, table } from "./html.ts";
import type { LocalStatus } from "./status.ts";
import { type PageView, wallAgeMs } from "./view.ts";

const deepCheck = { action: "/v1/deep-check", label: "Check files, volumes, journal and disk now" };

export function deviceSection(view: PageView): Html {
  const { status } = view;
  const facts = factsOf(status).map(
    ([name, text]) => html`<div><dt>${name}</dt><dd>${text}</dd></div>`,
  );
  return html`<section aria-labelledby="device"><h2 id="device">Device</h2>
<dl class="facts">${facts}</dl>${diskBar(status)}${deepCheckNote(status)}${button(view, deepCheck)}${conditions(view)}</section>`;
}

function factsOf(status: LocalStatus): [name: string, text: Html | string][] {
  const { host, hostname, mode, generation, runtimes, journalUnacknowledged } = status;
  const labels = Object.entries(status.labels).map((label) => label.join("="));
  return [
    ["Sync", badge(status.sync)],
    ["Health", badge(status.health)],
    ["Hub", connectionText(status)],
    ["Host name", hostname],
    ["Labels", labels.join(", ") || "none"],
    ["Mode and generation", `${mode}, ${generation}`],
    ["Runtimes", runtimes.join(", ") || "none"],
    ["Journal entries to send", String(journalUnacknowledged)],
    ...(host === undefined ? [] : hostFacts(host)),
  ];
}

function hostFacts(host: NonNullable<LocalStatus["host"]>): [string, string][] {
  const { cpu, load1, memoryUsedBytes, memoryTotalBytes, temperatureC, uptimeSeconds } = host;
  const heat = temperatureC === undefined ? "" : `, ${temperatureC.toFixed(1)} °C`;
  return [
    ["Processor", `${Math.round(cpu * 100)} %, load ${load1.toFixed(2)}${heat}`],
    ["Memory", `${bytesText(memoryUsedBytes)} of ${bytesText(memoryTotalBytes)} used`],
    ["Up for", durationText(uptimeSeconds * 1000)],
  ];
}

function connectionText({ connection }: LocalStatus): string {
  const { connected, via, problem, lastContactAgoMs } = connection;
  if (connected) return `connected by ${via}`;
  const heard =
    lastContactAgoMs === undefined
      ? "not heard since the agent started"
      : `last heard ${durationText(lastContactAgoMs)} ago`;
  return problem === undefined ? `not connected, ${heard}` : `not connected, ${heard}: ${problem}`;
}

function conditions(view: PageView): Html {
  const { conditions: all } = view.status;
  if (all.length === 0) return html``;
  const rows = all.map(({ type, status, reason, message, lastTransitionTime: at }) => [
    type,
    status,
    reason,
    message,
    moment(at, wallAgeMs(view, at)),
  ]);
  return table("Conditions", ["Condition", "Status", "Reason", "Message", "Since"], rows);
}
