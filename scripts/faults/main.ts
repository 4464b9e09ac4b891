// `npm run faults`: injects faults into real fleets, one at a time into each, and says what was survived.
import { asFleetError, FleetError } from "#shared/errors.ts";
import type { Fault } from "./fault.ts";
import { runInLanes } from "./lanes.ts";
import { type FaultOptions, readOptions } from "./options.ts";
import { allSurvived, createReport } from "./report.ts";
import { createRunner } from "./runner.ts";
import { faults } from "./table.ts";

const options = readOptions(process.argv.slice(2));
const runners = Array.from({ length: options.lanes }, () =>
  createRunner({
    scope: options,
    first: options.first,
    world: { runtime: options.runtime, devices: options.devices, keep: options.keep },
    ...(options.seed === undefined ? {} : { seed: options.seed }),
  }),
);
const stop = () => Promise.all(runners.map((runner) => runner.stop()));

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(signal, () => void stop().finally(() => process.exit(130)));
}

try {
  const chosen = choose(options);
  if (options.list) for (const { name, says } of chosen) print(name, says);
  else process.exitCode = (await runAll(chosen)) ? 0 : 1;
} catch (thrown) {
  const { sentence, hint } = asFleetError(thrown);
  process.stderr.write(`${sentence}\n${hint === undefined ? "" : `${hint}\n`}`);
  process.exitCode = 1;
} finally {
  await stop();
}

function print(name: string, says: string): void {
  process.stdout.write(
    options.json ? `${JSON.stringify({ name, says })}\n` : `${name.padEnd(26)}${says}\n`,
  );
}

/** @throws FleetError not_found */
function choose({ only }: FaultOptions): Fault[] {
  const unknown = only?.find((name) => !faults.some((fault) => fault.name === name));
  if (unknown === undefined) return faults.filter(({ name }) => only?.includes(name) ?? true);
  throw new FleetError("not_found", {
    message: `there is no fault "${unknown}"`,
    hint: "See --list.",
  });
}

async function runAll(chosen: readonly Fault[]): Promise<boolean> {
  const report = createReport(options);
  await runInLanes(chosen, { runners, report });
  return allSurvived(report.finish());
}
