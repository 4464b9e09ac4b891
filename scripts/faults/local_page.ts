// Asks a device's own page, as a person in front of it would.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { Device } from "./device.ts";
import { notSurvived } from "./until.ts";

const LocalStatus = z.object({
  mode: z.string(),
  /** `Unknown` before the agent's first round. */
  sync: z.string(),
  isolated: z.boolean().exactOptional(),
  connection: z.object({ connected: z.boolean(), via: z.string() }),
  /** Updates under way. */
  running: z.array(z.object({ stage: z.string() })).exactOptional(),
  safeMode: z
    .object({ cause: z.string(), message: z.string(), serves: z.string() })
    .exactOptional(),
});
export type LocalStatus = z.infer<typeof LocalStatus>;

const Started = z.object({ page: z.object({ host: z.string(), port: z.number() }) });
const timeoutMs = 3000;

export async function localStatus(device: Device): Promise<LocalStatus> {
  return LocalStatus.parse(await (await ask(device, "/v1/status")).json());
}

/** What a person reads, as HTML. */
export async function localPage(device: Device): Promise<string> {
  return await (await ask(device, "/")).text();
}

/** With the token that lies on the device. */
export async function localOrder(device: Device, path: string, body: object): Promise<void> {
  const token = (await readFile(join(device.directory, "page-token"), "utf8")).trim();
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  await ask(device, path, { method: "POST", headers, body: JSON.stringify(body) });
}

async function ask(device: Device, path: string, init: RequestInit = {}): Promise<Response> {
  const { host, port } = await addressOf(device);
  const signal = AbortSignal.timeout(timeoutMs);
  const answer = await fetch(`http://${host}:${port}${path}`, { ...init, signal });
  if (answer.ok) return answer;
  throw notSurvived(`the device's page answered ${answer.status} to ${path}`);
}

/** As the agent logged it at its last start. */
async function addressOf({ agent, id }: Device): Promise<{ host: string; port: number }> {
  const lines = (await readFile(agent.logFile, "utf8")).split("\n");
  const line = lines.findLast((text) => text.includes('"page":{'));
  if (line === undefined) throw notSurvived(`${id} has no page yet`);
  return Started.parse(JSON.parse(line)).page;
}
