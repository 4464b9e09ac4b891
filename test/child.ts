// Runs one test file in a process of its own and writes its counts where the runner reads them.
import { writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { runSuites } from "./suite.ts";

const [file, countsFile] = process.argv.slice(2);
if (file === undefined || countsFile === undefined) {
  throw new Error("usage: child.ts TEST-FILE COUNTS-FILE");
}
await import(pathToFileURL(file).href);
runSuites((counts) => writeFileSync(countsFile, JSON.stringify(counts)));
