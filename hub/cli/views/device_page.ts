// One device on one page: what it is, what it runs, why it is not converged, and what happened.
import type { DeviceView } from "#hub/api/device_view.ts";
import type { EventView } from "#hub/api/event_view.ts";
import type { UpdateView } from "#hub/api/update_view.ts";
import { generation, labelText } from "#hub/cli/resources/devices.ts";
import { shortId, type TimeView, when } from "#hub/cli/resources/resource.ts";
import { shortDuration, stepDuration } from "#hub/cli/terminal/age.ts";
import { conditionTone, toneOf } from "#hub/cli/terminal/colour.ts";
import type { AppReport, ServiceReport } from "#shared/reported.ts";
import { noticeText } from "./notice.ts";
import type { Page } from "./page.ts";
import { writeWorkloads } from "./workloads.ts";

export interface DeviceHistory {
  device: DeviceView;
  updates: readonly UpdateView[];
  events: readonly EventView[];
}

export function writeDevice(
  page: Page,
  { device, updates, events }: DeviceHistory,
  view: TimeView,
) {
  writeNotices(page, device, view);
  writeStatus(page, device, view);
  writeWhy(page, device);
  writeHost(page, device);
  writeApps(page, device, view);
  writeConditions(page, device, view);
  writeUpdates(page, updates, view);
  writeEvents(page, events, view);
}

function ago(at: number | null, view: TimeView): string {
  if (at === null) return "never";
  return view.times === "age" ? `${when(at, view)} ago` : when(at, view);
}

/** First of all, as a banner: what keeps it from following the repository. */
function writeNotices(page: Page, { notices }: DeviceView, view: TimeView): void {
  for (const notice of notices) {
    const since = notice.at === null ? undefined : ago(notice.at, view);
    page.line("Notice", noticeText(notice, since), "bad");
  }
}

function writeStatus(page: Page, device: DeviceView, view: TimeView): void {
  const { connection, sync, health, mode, modeReason, safeMode } = device;
  page.line("Name", device.id);
  page.line("Labels", labelText(device.labels));
  page.line(
    "Connection",
    `${connection}, last seen ${ago(device.lastSeenAt, view)}`,
    toneOf(connection),
  );
  page.line("Sync", sync, toneOf(sync));
  page.line("Health", health, toneOf(health));
  page.line("Generation", generation(device));
  page.line("Mode", modeReason === null ? mode : `${mode}: ${modeReason}`, toneOf(mode));
  if (safeMode !== undefined) {
    const { cause, message, since, serves } = safeMode;
    const words = `${message} (${cause}), since ${ago(since, view)}; serves: ${serves}`;
    page.line("Safe mode", words, "bad");
  }
  page.line("Enrolled", ago(device.enrolledAt, view));
}

/** The chain of causes, app by app, the nearest first. */
function writeWhy(page: Page, { apps, desired, observedGeneration }: DeviceView): void {
  const behind = apps.filter(({ why, failure }) => why !== undefined || failure !== undefined);
  const waits = desired !== null && observedGeneration < desired.generation;
  if (behind.length === 0 && !waits) return;
  page.heading("Why not converged");
  if (waits) {
    page.sentence(
      `It has not yet taken up generation ${desired.generation}; it has ${observedGeneration}.`,
    );
  }
  for (const { name, why, failure } of behind) {
    const [nearest, ...deeper] = why ?? [];
    if (nearest !== undefined) page.sentence(`${name}: ${nearest.message} (${nearest.reason})`);
    for (const { message, reason } of deeper) page.sentence(`  because ${message} (${reason})`);
    const isTold = (why ?? []).some(({ message }) => message === failure?.message);
    if (failure !== undefined && !isTold) {
      page.sentence(`${name}: ${failure.message} (${failure.code})`, "bad");
    }
    if (failure?.hint !== undefined) page.sentence(`  ${failure.hint}`);
  }
}

function writeHost(page: Page, { reported, hostHealth }: DeviceView): void {
  if (reported === null) return;
  const { host } = reported;
  page.heading("Host");
  page.line("  Name", host.hostname);
  page.line("  Model", host.model);
  page.line("  System", `${host.os}, ${host.kernel}, ${host.arch}`);
  page.line("  Agent", `${host.agentVersion}, runtimes: ${host.runtimes.join(", ") || "none"}`);
  if (hostHealth === null) return;
  const { cpu, memoryUsedBytes, memoryTotalBytes, diskUsedBytes, diskTotalBytes } = hostHealth;
  page.line("  CPU", `${Math.round(cpu * 100)}%, load ${hostHealth.load1.toFixed(2)}`);
  page.line("  Memory", share(memoryUsedBytes, memoryTotalBytes));
  page.line("  Disk", share(diskUsedBytes, diskTotalBytes));
  const { temperatureC, uptimeSeconds } = hostHealth;
  page.line("  Temperature", temperatureC === undefined ? "" : `${temperatureC.toFixed(1)} °C`);
  page.line("  Up for", shortDuration(uptimeSeconds * 1000));
}

function share(used: number, total: number): string {
  const gigabytes = (bytes: number): string => (bytes / 1e9).toFixed(1);
  const percent = total === 0 ? 0 : Math.round((used / total) * 100);
  return `${gigabytes(used)} of ${gigabytes(total)} GB (${percent}%)`;
}

function writeApps(page: Page, device: DeviceView, view: TimeView): void {
  const { reported, desired } = device;
  const apps = reported?.apps ?? [];
  const present = new Set<string>(apps.map(({ name }) => name));
  const missing = (desired?.apps ?? []).filter(({ name }) => !present.has(name));
  for (const app of apps) {
    writeApp(page, app, view);
    writeWorkloads(page, app.name, device, view);
  }
  for (const { name, role, commit } of missing) {
    page.heading(`App ${name}`);
    page.sentence(`wanted: ${role}@${shortId(commit)}; the device has not said anything of it`);
  }
}

function writeApp(page: Page, app: AppReport, view: TimeView): void {
  const { current, target, previous, step, retryAt, quarantined } = app;
  page.heading(`App ${app.name}`);
  page.line("  Sync", app.sync, toneOf(app.sync));
  page.line("  Health", app.health, toneOf(app.health));
  page.line("  Runs", revisionText(current) ?? "nothing yet");
  page.line("  Wanted", revisionText(target));
  page.line("  Before", revisionText(previous));
  page.line("  Step", step);
  if (retryAt !== undefined) {
    page.line("  Next try", `in ${shortDuration(retryAt - view.now)}`);
  }
  const barred = quarantined.map((revision) => revision.slice(0, 12)).join(", ");
  page.line("  Quarantined", barred, "bad");
  if (app.services.length > 0) page.table(serviceColumns(view), app.services);
}

type Revision = NonNullable<AppReport["current"]>;

function revisionText(revision: Revision | undefined): string | undefined {
  if (revision === undefined) return undefined;
  const { role, commit, branch, digest } = revision;
  return `${role}@${shortId(commit)} (${branch}), release ${digest.slice(0, 12)}`;
}

function serviceColumns(view: TimeView) {
  const restarts = ({ instances }: ServiceReport): number =>
    instances.reduce((sum, { restarts }) => sum + restarts, 0);
  const oldest = ({ instances }: ServiceReport): number | undefined =>
    instances.flatMap(({ startedAt }) => startedAt ?? []).sort((a, b) => a - b)[0];
  return [
    { title: "SERVICE", text: ({ name }: ServiceReport) => name },
    {
      title: "HEALTH",
      text: ({ health }: ServiceReport) => health,
      tone: ({ health }: ServiceReport) => toneOf(health),
    },
    { title: "READY", text: ({ ready, wanted }: ServiceReport) => `${ready}/${wanted}` },
    { title: "RESTARTS", text: (service: ServiceReport) => String(restarts(service)) },
    { title: "UP", text: (service: ServiceReport) => when(oldest(service), view) },
    { title: "IMAGE", text: ({ image, runtime }: ServiceReport) => image ?? runtime, atLeast: 16 },
  ];
}

function writeConditions(page: Page, { conditions }: DeviceView, view: TimeView): void {
  if (conditions.length === 0) return;
  page.heading("Conditions");
  page.table(
    [
      { title: "TYPE", text: ({ type }) => type },
      {
        title: "STATUS",
        text: ({ status }) => status,
        tone: ({ type, status }) => conditionTone(type, status),
      },
      { title: "SINCE", text: ({ lastTransitionTime }) => when(lastTransitionTime, view) },
      { title: "REASON", text: ({ reason }) => reason },
      { title: "MESSAGE", text: ({ message }) => message, atLeast: 16 },
    ],
    conditions,
  );
}

function writeUpdates(page: Page, updates: readonly UpdateView[], view: TimeView): void {
  page.heading("Last updates");
  if (updates.length === 0) page.sentence("none");
  for (const update of updates) {
    const { app, commit, outcome, startedAt, durationMs, message, steps } = update;
    const took = durationMs === undefined ? "" : ` after ${stepDuration(durationMs)}`;
    const words = `${ago(startedAt, view)}  ${app}@${shortId(commit)}  ${outcome}${took}`;
    page.sentence(words, toneOf(outcome));
    if (message !== undefined) page.sentence(`  ${message}`);
    const told = steps.map(({ step, ok, durationMs: ms }) => {
      return `${step} ${stepDuration(ms)}${ok ? "" : " (failed)"}`;
    });
    if (told.length > 0) page.sentence(`  ${told.join(" -> ")}`, "dim");
  }
}

function writeEvents(page: Page, events: readonly EventView[], view: TimeView): void {
  page.heading("Last events");
  if (events.length === 0) page.sentence("none");
  else
    page.table(
      [
        { title: view.times === "age" ? "AGE" : "AT", text: ({ at }) => when(at, view) },
        { title: "TYPE", text: ({ type }) => type, tone: ({ type }) => toneOf(type) },
        { title: "REASON", text: ({ reason }) => reason },
        { title: "MESSAGE", text: ({ message }) => message, atLeast: 20 },
      ],
      events,
    );
}
