// Runs a role's health probes from the device and says in one sentence each what they found.
import { once } from "node:events";
import { type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { connect } from "node:net";
import { relative, resolve } from "node:path";
import type { Backend, Route } from "#edge/runtime/forward/table.ts";
import type { LogLine, ResolvedApp } from "#edge/runtime/port.ts";
import { baseEnvironment } from "#edge/runtime/process/environment.ts";
import { endingOf, runOnce } from "#edge/runtime/process/oneshot.ts";
import type { Probe } from "#shared/role.ts";
import { detourOf, detourVariables } from "./detour.ts";

export interface ProbeResult {
  /** The probe by its kind and target, e.g. `http http://127.0.0.1:8101/healthz`. */
  probe: string;
  ok: boolean;
  /** One readable sentence. */
  detail: string;
}

/** What probes ask of the world. */
export interface ProbeSources {
  /** The lines that a service wrote since its start. */
  readLogs(app: ResolvedApp, service: string): Promise<LogLine[]>;
  /** Published ports that lead to copies of another release for now, and where the app's own copies answer:
   *  a probe must never judge the old release for the new one. */
  detours?(app: ResolvedApp): Promise<readonly Route[]>;
}

type Finding = Omit<ProbeResult, "probe">;
type Of<Key extends string> = Extract<Probe, Record<Key, unknown>>;

const netTimeoutSeconds = 5;
const scriptTimeoutSeconds = 10;
const bodyLimit = 2048;

/** All at the same time; in the order of the role. Never throws: what goes wrong is a finding.
 *  @param resolved probes with their values interpolated */
export async function runProbes(
  resolved: { app: ResolvedApp; probes: readonly Probe[] },
  sources: ProbeSources,
): Promise<ProbeResult[]> {
  return Promise.all(
    resolved.probes.map(async (probe) => ({
      probe: nameOf(probe),
      ...(await find(probe, resolved.app, sources)),
    })),
  );
}

function nameOf(probe: Probe): string {
  if ("http" in probe) return `http ${probe.http}`;
  if ("tcp" in probe) return `tcp ${probe.tcp}`;
  if ("log" in probe) return `log ${probe.service} /${probe.log}/`;
  return `script ${probe.script}`;
}

async function find(probe: Probe, app: ResolvedApp, sources: ProbeSources): Promise<Finding> {
  try {
    if ("log" in probe) return await findLog(probe, () => sources.readLogs(app, probe.service));
    const detours = (await sources.detours?.(app)) ?? [];
    if ("http" in probe) {
      const { hostname, port, protocol } = new URL(probe.http);
      const place = { host: hostname, port: Number(port) || (protocol === "https:" ? 443 : 80) };
      return await findEach(detourOf(place, detours), (to) => findHttp(probe, to));
    }
    if ("tcp" in probe) {
      const place = parseTarget(probe.tcp);
      if (place === undefined) return { ok: false, detail: `${probe.tcp} is not host:port` };
      return await findEach(detourOf(place, detours), (to) => findTcp(probe, to ?? place));
    }
    return await findScript(probe, app, detourVariables(detours));
  } catch (error) {
    return { ok: false, detail: `${nameOf(probe)} could not be tried: ${reasonOf(error)}` };
  }
}

/** Without a detour the probe goes where it says; with one, every copy behind it has to pass. */
async function findEach(
  detour: Route | undefined,
  find: (to: Backend | undefined) => Promise<Finding>,
): Promise<Finding> {
  if (detour === undefined) return find(undefined);
  const findings = await Promise.all(detour.backends.map(find));
  const none = { ok: false, detail: `no copy of this release listens for port ${detour.port} yet` };
  return findings.find(({ ok }) => !ok) ?? findings[0] ?? none;
}

/** A redirect is an answer and is not followed: it may lead off the device. */
async function findHttp(probe: Of<"http">, to: Backend | undefined): Promise<Finding> {
  const seconds = probe.timeoutSeconds ?? netTimeoutSeconds;
  const signal = AbortSignal.timeout(seconds * 1000);
  try {
    const response = await ask(probe.http, signal, to);
    const status = response.statusCode ?? 0;
    const ok = probe.status === undefined ? status >= 200 && status < 400 : status === probe.status;
    const text = ok ? "" : await readStart(response);
    response.destroy();
    const wanted = probe.status === undefined ? "2xx or 3xx" : String(probe.status);
    const answered = `${probe.http} answered ${status}`;
    return { ok, detail: ok ? answered : `${answered}, wanted ${wanted}${quoted(text)}` };
  } catch (error) {
    return { ok: false, detail: `${probe.http} ${unanswered(error, signal, seconds)}` };
  }
}

/** Not by fetch, which refuses ports that browsers shun, such as 5060, 6000 and 10080. */
async function ask(
  url: string,
  signal: AbortSignal,
  to: Backend | undefined,
): Promise<IncomingMessage> {
  const request = url.startsWith("https:") ? requestHttps : requestHttp;
  const { host, hostname } = new URL(url);
  // Another address, but for the server the same name. `hostname` goes before `host`.
  const address = to === undefined ? {} : { hostname: to.host, port: to.port };
  const other = to === undefined ? {} : { ...address, headers: { host }, servername: hostname };
  const asked = request(url, { agent: false, signal, ...other }).end();
  // The deadline may strike after the answer, when nobody waits any more.
  asked.on("error", () => undefined);
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  return response;
}

/** The first lines of a body that may be cut off or never end. */
async function readStart(response: IncomingMessage): Promise<string> {
  let text = "";
  try {
    for await (const chunk of response.setEncoding("utf8")) {
      text += chunk;
      if (text.length >= bodyLimit) break;
    }
  } catch {
    // What came is enough: the status already says that the probe failed.
  }
  return text;
}

function quoted(text: string): string {
  const line = text.trim().split("\n")[0]?.trim() ?? "";
  return line === "" || line.startsWith("<") ? "" : `: ${line.slice(0, 200)}`;
}

async function findTcp(probe: Of<"tcp">, target: Backend): Promise<Finding> {
  const seconds = probe.timeoutSeconds ?? netTimeoutSeconds;
  const signal = AbortSignal.timeout(seconds * 1000);
  const socket = connect({ ...target, signal });
  try {
    await new Promise<void>((opened, failed) => {
      socket.once("connect", opened);
      socket.once("error", failed);
    });
    return { ok: true, detail: `${probe.tcp} accepts connections` };
  } catch (error) {
    return { ok: false, detail: `${probe.tcp} ${unanswered(error, signal, seconds)}` };
  } finally {
    socket.on("error", () => undefined).destroy();
  }
}

function parseTarget(text: string): { host: string; port: number } | undefined {
  const [, host = "", port = ""] = /^\[?(.+?)\]?:(\d{1,5})$/.exec(text) ?? [];
  return host === "" || Number(port) > 65_535 ? undefined : { host, port: Number(port) };
}

async function findLog(probe: Of<"log">, read: () => Promise<LogLine[]>): Promise<Finding> {
  const pattern = new RegExp(probe.log, "m");
  const lines = await read();
  const ok = pattern.test(lines.map((line) => line.text).join("\n"));
  const verdict = ok ? "matches" : "does not match";
  return { ok, detail: `the output of ${probe.service} ${verdict} /${probe.log}/ so far` };
}

async function findScript(
  probe: Of<"script">,
  app: ResolvedApp,
  detours: Readonly<Record<string, string>>,
): Promise<Finding> {
  const file = resolve(app.directory, probe.script);
  if (relative(app.directory, file).startsWith("..")) {
    return { ok: false, detail: `${probe.script} lies outside the release` };
  }
  const timeoutMs = (probe.timeoutSeconds ?? scriptTimeoutSeconds) * 1000;
  const result = await runOnce({
    command: [file],
    directory: app.directory,
    environment: { ...baseEnvironment(), ...app.values, ...detours },
    timeoutMs,
  });
  const ending = endingOf(result, timeoutMs);
  return { ok: ending === undefined, detail: `${probe.script} ${ending ?? "passed"}` };
}

function unanswered(error: unknown, signal: AbortSignal, seconds: number): string {
  if (signal.aborted) return `did not answer within ${seconds} s`;
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ECONNREFUSED") return "refused the connection";
  return `could not be reached: ${code ?? reasonOf(error)}`;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
