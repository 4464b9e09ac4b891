// What must hold once a fault is gone: the device has what it was told, and the hub has what it said.
import { breath, type Device, firstTornFile, type Release } from "./device.ts";
import type { FleetRepository } from "./repository.ts";
import { isGood } from "./role.ts";
import { until } from "./until.ts";

export interface Survival {
  /** Empty when everything held. */
  failures: string[];
  lostEntries: number;
  unavailableMs: number;
}

interface Expectation {
  device: Device;
  repository: FleetRepository;
  /** Whether the fault itself ends the workload. */
  endsWorkload: boolean;
}

const catchUpMs = 30_000;
const answerMs = 10_000;

/** Waits until the device has recovered, as long as that may take, and looks at everything. Never throws. */
export async function survivalOf(expectation: Expectation): Promise<Survival> {
  const { device } = expectation;
  const failures: string[] = [];
  const check = async (look: () => Promise<string | undefined>): Promise<void> => {
    const failure = await look().catch((error: Error) => error.message);
    if (failure !== undefined) failures.push(failure);
  };
  await check(() => converges(expectation));
  await check(() => answers(device));
  await check(() => quarantinedGood(device));
  await check(async () => device.fallen());
  const lost = await device.ledger.lost(catchUpMs).catch((error: Error) => error);
  if (lost instanceof Error) failures.push(lost.message);
  else if (lost.length > 0) {
    failures.push(`the hub lacks ${lost.length} entries from seq ${lost[0]?.seq} on`);
  }
  await check(async () => device.ledger.fallen());
  const { restarts, unavailableMs } = device.steady.seen();
  if (restarts > 0 && !expectation.endsWorkload) {
    failures.push(`the steady workload was restarted ${restarts} times`);
  }
  return { failures, unavailableMs, lostEntries: lost instanceof Error ? 0 : lost.length };
}

/** To the newest good commit; a new one when the newest is bad, as a person would mend it. */
async function converges({ device, repository }: Expectation): Promise<string | undefined> {
  if (!device.agent.program.running()) await device.agent.start();
  const release = await goodRelease(device);
  await device.converged(release);
  const torn = await firstTornFile(device, repository, release.commit);
  return torn === undefined ? undefined : `${torn} is not as the commit has it`;
}

/** To the harness itself, whatever device and hub say of it. */
async function answers({ id, steady }: Device): Promise<undefined> {
  const before = steady.seen().answers;
  // A request may have been under way.
  const look = async (): Promise<boolean> => steady.seen().answers > before + 1;
  await until(`the steady workload of ${id} answers`, look, { limitMs: answerMs });
}

async function goodRelease(device: Device): Promise<Release> {
  const [newest] = device.releases();
  return newest?.quality === "good" ? newest : await device.release("good");
}

async function quarantinedGood(device: Device): Promise<string | undefined> {
  await breath();
  const wrong = (await device.updates()).find(
    ({ version, outcome }) =>
      isGood(version) && (outcome === "refused" || outcome === "rolledBack"),
  );
  if (wrong === undefined) return undefined;
  return `a good release was ${wrong.outcome}: ${wrong.message ?? "no reason given"}`;
}
