// The bus: whoever listens badly harms neither who tells nor who else listens.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createBus } from "#hub/bus.ts";
import { suite } from "#test/suite.ts";

const test = suite("hub/bus");

test("a listener that throws is loud, and the others hear what was told", async () => {
  const bus = createBus();
  const heard: string[] = [];
  bus.on("branch", () => {
    throw new Error("planted");
  });
  const stop = bus.on("branch", (branch) => heard.push(branch));
  const uncaught = once(process, "uncaughtException");
  bus.emit("branch", "main");
  assert.deepEqual(heard, ["main"]);
  const [error] = (await uncaught) as [Error];
  assert.equal(error.message, "planted");
  stop();
});
