import * as assert from "node:assert/strict";
import { suite } from "#test/suite.ts";
import { flip } from "./damage.ts";
import { withScratch } from "./fixture.ts";
import { furnished, holdings, recover } from "./recovery.ts";

const test = suite("journal check");

test("checks in a worker: the process answers while a large file is read", () =>
  withScratch(async ({ file }) => {
    const { journal } = await recover(file);
    const body = { texts: Array(30).fill("x".repeat(1000)) };
    for (let i = 0; i < 1000; i++) journal.append({ kind: "event", body });
    journal.close();
    let turns = 0;
    const ticking = setInterval(() => (turns += 1), 1);
    const back = await recover(file);
    clearInterval(ticking);
    assert.ok(turns >= 5, `only ${turns} turns of the event loop during the check`);
    back.journal.close();
  }));

test("does not wait for ever for a check", () =>
  withScratch(async ({ file }) => {
    const { epoch } = await furnished(file);
    const { journal, warnings } = await recover(file, { checkLimitMs: 0 });
    assert.equal(journal.epoch, epoch);
    assert.match(warnings.join(), /not checked: the check took over 0 ms/);
    journal.close();
  }));

test("tells of damage met while in use, once, and rebuilds at the next start", () =>
  withScratch(async ({ file }) => {
    const { held } = await furnished(file);
    const found: string[] = [];
    const { journal } = await recover(file, { onDamaged: (finding) => found.push(finding) });
    assert.equal(await journal.integrity(), undefined);
    flip(file, 4096 * 2, 4096 * 40);
    assert.ok(await journal.integrity());
    assert.equal(found.length, 1);
    assert.throws(() => journal.entries({ limit: 10_000 }), { code: "journal_unusable" });
    assert.equal(found.length, 1);
    journal.close();
    const back = await recover(file);
    assert.deepEqual(holdings(back.journal), held);
    back.journal.close();
  }));
