// The `fleet` command. Its modules are kept compiled between calls: that halves the time to start.
import { enableCompileCache } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";

const caches = process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
// Not the shared temporary directory, where others could put what this then runs.
enableCompileCache(join(caches, "metrica-fleet"));
// `npm run` goes to the project's directory, and files are named from where the person is.
const { npm_lifecycle_event: script, INIT_CWD: here } = process.env;
if (script === "fleet" && here !== undefined) process.chdir(here);
await import("./run.ts");
