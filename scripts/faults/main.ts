// `npm run faults`: injects faults into real fleets, one at a time into each, and says what was survived.
import { asFleetError } from "#shared/errors.ts";
import { choose } from "./choice.ts";
import type { Fault } from "./fault.ts";
import { runInLanes } from "./lanes.ts";
import { readOptions } from "./options.ts";
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
  const chosen = choose(faults, options.only).map(withRuntime);
  if (options.list) for (const fault of chosen) print(fault);
  else process.exitCode = (await runAll(chosen)) ? 0 : 1;
} catch (thrown) {
  const { sentence, hint } = asFleetError(thrown);
  process.stderr.write(`${sentence}\n${hint === undefined ? "" : `${hint}\n`}`);
  process.exitCode = 1;
} finally {
  await stop();
}

function print({ name, says, needs = [] }: Fault): void {
  const wants = needs.length === 0 ? "" : ` Needs ${needs.join(", ")}.`;
  process.stdout.write(
    options.json
      ? `${JSON.stringify({ name, says, needs })}\n`
      : `${name.padEnd(26)}${says}${wants}\n`,
  );
}

/** Where every service is a container, every fault needs an Engine. */
function withRuntime(fault: Fault): Fault {
  if (options.runtime === "process") return fault;
  return { ...fault, needs: [...(fault.needs ?? []), "docker"] };
}

async function runAll(chosen: readonly Fault[]): Promise<boolean> {
  const report = createReport(options);
  await runInLanes(chosen, { runners, report, sideBySide: options.devices });
  const totals = report.finish();
  const mustTryAll = process.env["FLEET_REQUIRE_REAL"] === "1";
  if (mustTryAll && totals.skipped > 0) {
    process.stderr.write(
      `${totals.skipped} faults were left out, and FLEET_REQUIRE_REAL=1 leaves nothing out.\n` +
        "Install the parts that their lines name, or run without it.\n",
    );
  }
  return allSurvived(totals, { mustTryAll });
}
