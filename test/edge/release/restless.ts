// Updates an app to and fro without end, to be killed at any instant: DIRECTORY HUB-URL SPECS-JSON.
import { AppSpec, revisionOf } from "#shared/desired.ts";
import { stageFrom, storeAt } from "./fixture.ts";

const [directory = "", hubUrl = "", specs = "[]"] = process.argv.slice(2);
const all = AppSpec.array().parse(JSON.parse(specs));
const store = storeAt(directory, hubUrl);

process.stdout.write("ready\n");
for (let round = Math.floor(Math.random() * all.length); ; round += 1) {
  const spec = all[round % all.length];
  if (spec === undefined) throw new Error("no specs");
  const before = (await store.apps())[0]?.current;
  await stageFrom(store, spec);
  await store.swap(spec.name, revisionOf(spec));
  if (Math.random() < 0.4) await store.rollBack(spec.name, before);
  await store.tidy(spec.name, new Set());
}
