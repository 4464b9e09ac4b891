// Routing inside the broker: exact and wildcard subscribers, in order, without waiting for any.
import assert from "node:assert/strict";
import { createExchange } from "#hub/broker/exchange.ts";
import { matchesFilter } from "#hub/broker/filter.ts";
import { suite } from "#test/suite.ts";

const test = suite("exchange");

const matches: [string, string, boolean][] = [
  ["a/b", "a/b", true],
  ["a/b", "a/b/c", false],
  ["a/+", "a/b", true],
  ["a/+", "a", false],
  ["a/+", "a/", true],
  ["+/+", "/a", true],
  ["a/#", "a/b/c", true],
  ["a/#", "a", true],
  ["#", "a/b", true],
  ["#", "$SYS/a", false],
  ["+/a", "$SYS/a", false],
  ["$SYS/+", "$SYS/a", true],
];
for (const [filter, topic, expected] of matches) {
  test(`${filter} ${expected ? "matches" : "does not match"} ${topic}`, () => {
    assert.equal(matchesFilter(filter, topic), expected);
  });
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("delivers to exact and wildcard subscribers until they leave", async () => {
  const exchange = createExchange();
  const got: string[] = [];
  const exact = ({ topic }: { topic: string }): void => void got.push(`exact ${topic}`);
  const wild = ({ topic }: { topic: string }): void => void got.push(`wild ${topic}`);
  exchange.on("a/b", exact);
  exchange.on("a/+", wild);
  exchange.emit({ topic: "a/b" });
  exchange.removeListener("a/b", exact);
  exchange.emit({ topic: "a/b" });
  exchange.removeListener("a/+", wild);
  exchange.emit({ topic: "a/b" });
  assert.deepEqual(got, ["exact a/b", "wild a/b", "wild a/b"]);
  await settled();
});

test("answers the publisher though a subscriber never does", async () => {
  const exchange = createExchange();
  exchange.on("a", () => undefined);
  let answered = false;
  exchange.emit({ topic: "a" }, () => {
    answered = true;
  });
  await settled();
  assert.equal(answered, true);
});

test("numbers rise in the order of delivery, whatever the publisher had counted", () => {
  const exchange = createExchange();
  const numbers: (number | undefined)[] = [];
  exchange.on("#", ({ brokerCounter }) => void numbers.push(brokerCounter));
  exchange.emit({ topic: "a", brokerCounter: 9 });
  exchange.emit({ topic: "b", brokerCounter: 3 });
  assert.deepEqual(numbers, [1, 2]);
});
