// A program of its own that starts one copy and then waits to be killed: an agent's stand-in.

import { createProcessRuntime } from "#edge/runtime/process/runtime.ts";
import { systemClock } from "#shared/clock.ts";
import { resolvedApp, shell } from "./fixture.ts";

const [directory = "", release = "", script = ""] = process.argv.slice(2);
const runtime = createProcessRuntime({ directory, device: "bench", clock: systemClock });
process.stdout.write("starting\n");
await runtime.start(resolvedApp(release, { web: shell(script) }), { service: "web", index: 1 });
process.stdout.write("started\n");
setInterval(() => undefined, 1000);
