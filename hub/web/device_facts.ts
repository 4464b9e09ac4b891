// What a device is and how its host does, as a list of terms.
import { html } from "hono/html";
import type { HostHealth } from "#shared/beat.ts";
import type { HostReport } from "#shared/reported.ts";
import type { DevicePage } from "./device.ts";
import { ago, bytesText, durationText, type Html } from "./html.ts";

export function deviceFacts({ row, desired, now }: DevicePage): Html {
  const facts: [string, unknown][] = [
    ["Last seen", ago(row.lastSeenAt, now)],
    ["Generation", generations(row.observedGeneration, desired?.generation ?? 0)],
    ["Mode", row.reported?.mode ?? desired?.content.mode ?? "unknown"],
    ...(row.reported === null ? [] : hostFacts(row.reported.host)),
    ...(row.hostHealth === null ? [] : healthFacts(row.hostHealth)),
    ["Enrolled", ago(row.enrolledAt, now)],
  ];
  const items = facts.map(([term, value]) => html`<div><dt>${term}</dt><dd>${value}</dd></div>`);
  return html`<dl class="facts">${items}</dl>`;
}

function generations(observed: number, wanted: number): string {
  return observed === wanted ? String(wanted) : `${observed} observed, ${wanted} wanted`;
}

function hostFacts({
  model,
  os,
  kernel,
  arch,
  agentVersion,
  runtimes,
}: HostReport): [string, unknown][] {
  return [
    ["Model", model],
    ["System", html`<bdi>${os}</bdi>, <bdi>${kernel}</bdi>, ${arch}`],
    ["Agent", agentVersion],
    ["Runtimes", runtimes.join(", ")],
  ];
}

function healthFacts(host: HostHealth): [string, unknown][] {
  const temperature = host.temperatureC;
  return [
    ["Processor", share(host.cpu, 1, `${Math.round(host.cpu * 100)} %`)],
    ["Memory", usage(host.memoryUsedBytes, host.memoryTotalBytes)],
    ["Disk", usage(host.diskUsedBytes, host.diskTotalBytes)],
    ...(temperature === undefined
      ? []
      : ([["Temperature", `${Math.round(temperature)} °C`]] as const)),
    ["Up for", durationText(host.uptimeSeconds * 1000)],
  ] as [string, unknown][];
}

function usage(used: number, total: number): Html {
  return share(used, total, `${bytesText(used)} of ${bytesText(total)}`);
}

/** The bar repeats the text and is hidden from readers that cannot see it. */
function share(used: number, total: number, text: string): Html {
  const value = total === 0 ? 0 : Math.min(1, used / total);
  return html`${text} <progress aria-hidden="true" max="1" value="${value.toFixed(3)}"></progress>`;
}
