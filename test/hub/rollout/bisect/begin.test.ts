// What a bisect cannot begin with: each refusal says what to do instead.
import assert from "node:assert/strict";
import type { FleetSnapshot } from "#hub/release/model.ts";
import { candidatesOf, spanOf, withEnds } from "#hub/rollout/bisect/begin.ts";
import { FleetError } from "#shared/errors.ts";
import { suite } from "#test/suite.ts";

const test = suite("hub/rollout/bisect/begin");

function info(commit: string) {
  return { commit, author: "Ada", subject: commit, committedAt: 0 };
}

function fleetAt(commit: string): FleetSnapshot {
  return { defaultBranch: "main", branches: { main: { branch: "main", commit } as never } };
}

function refuses(body: () => unknown, message: RegExp): void {
  assert.throws(body, (error) => {
    assert.ok(error instanceof FleetError && error.code === "state_conflict");
    assert.match(error.message, message);
    assert.ok((error.hint ?? "") !== "", error.message);
    return true;
  });
}

test("refuses a search without a good end, without commits, over a rewritten branch and over too many", () => {
  refuses(() => spanOf("staging", fleetAt("a"), "b"), /nothing of the branch staging/);
  refuses(() => spanOf("main", fleetAt("a"), "a"), /no commit of the branch main/);
  refuses(() => candidatesOf(info("a"), undefined), /not in the branch's history/);
  const many = Array.from({ length: 501 }, (_, at) => info(String(at)));
  refuses(() => candidatesOf(info("a"), many), /501 commits lie between/);
  const end = { content: "same", isProven: true };
  const all = candidatesOf(info("a"), [info("b")]);
  refuses(() => withEnds(all, end, end), /the same before and after/);
});
