// Restarts a service because somebody asked for it.

import { FleetError } from "#shared/errors.ts";
import type { AppName } from "#shared/ids.ts";
import type { Memory } from "./memory.ts";
import type { AgentParts } from "./parts.ts";
import { look } from "./sight.ts";

interface Wanted {
  app: AppName;
  service: string;
  /** Who asked, in words. */
  by: string;
}

/** Copy after copy, so that the others serve meanwhile.
 *  @throws FleetError not_found, runtime_unavailable */
export async function restartService(
  parts: AgentParts,
  memory: Memory,
  { app, service, by }: Wanted,
): Promise<void> {
  const { runtimes, journal, clock } = parts;
  const { instances, silent } = await look(runtimes);
  const copies = instances.filter((one) => one.app === app && one.service === service);
  const [unseen] = silent.values();
  if (copies.length === 0) throw unseen ?? nothingThere(app, service);
  const message = `${service} of ${app} is restarted, as ${by} asked`;
  journal.append({
    kind: "event",
    app,
    body: { type: "Normal", reason: "RestartRequested", message },
  });
  for (const copy of copies) {
    await runtimes.find(({ name }) => name === copy.runtime)?.restart(copy);
  }
  memory.of(app).startedMs = clock.monotonicMs();
}

function nothingThere(app: AppName, service: string): FleetError {
  const message = `no copy of ${service} of ${app} is here`;
  return new FleetError("not_found", { message, subject: `${app}/${service}` });
}
