import * as assert from "node:assert/strict";
import { startOrder } from "#shared/compose/order.ts";
import { suite } from "#test/suite.ts";
import { load } from "./harness.ts";

const test = suite("compose start order");

function project(dependencies: Record<string, string[]>) {
  const services = Object.entries(dependencies).map(
    ([name, others]) => `  ${name}: {image: i, depends_on: [${others.join(", ")}]}`,
  );
  return load(`services:\n${services.join("\n")}\n`).project;
}

for (const [name, dependencies, expected] of [
  ["one level where nothing depends", { b: [], a: [] }, [["a", "b"]]],
  ["a chain", { web: ["api"], api: ["db"], db: [] }, [["db"], ["api"], ["web"]]],
  ["a diamond", { a: ["b", "c"], b: ["d"], c: ["d"], d: [] }, [["d"], ["b", "c"], ["a"]]],
] as const) {
  test(`starts ${name}`, () => {
    assert.deepEqual(startOrder(project(dependencies as never)), expected);
  });
}

test("names the circle of services that wait for each other", () => {
  const { services } = project({ a: [], b: ["a"], c: ["b"] });
  const dependsOn = {
    c: { condition: "service_started", restart: false, required: true },
  } as const;
  const circular = { services: { ...services, b: { ...services["b"], dependsOn } as never } };
  assert.throws(() => startOrder(circular), {
    code: "plan_cycle",
    message: "services wait for each other: b -> c -> b",
  });
});
