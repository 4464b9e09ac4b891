// What the device keeps for the hub, in the hub's own hand: the statement of its enrolment, and the hub's memo.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Envelope } from "#shared/envelope.ts";
import { writePrivateFile } from "./durable.ts";
import { type Identity, writeIdentity } from "./identity.ts";

export interface Keepsakes {
  statement(): Envelope | undefined;
  keepStatement(statement: Envelope): void;
  memo(): Envelope | undefined;
  keepMemo(memo: Envelope): void;
}

/** Gone with the process. */
export function keepsakesInMemory(identity: Identity): Keepsakes {
  let { statement } = identity;
  let memo: Envelope | undefined;
  return {
    statement: () => statement,
    keepStatement: (next) => {
      statement = next;
    },
    memo: () => memo,
    keepMemo: (next) => {
      memo = next;
    },
  };
}

/** Beside the identity, and not in the journal: a damaged journal costs neither.
 *  A write that fails is thrown; what is kept until the process ends is the newest all the same. */
export function keepsakesOnDisk(directory: string, identity: Identity): Keepsakes {
  const file = join(directory, "memo.json");
  const kept = keepsakesInMemory(identity);
  const found = readMemo(file);
  if (found !== undefined) kept.keepMemo(found);
  return {
    ...kept,
    keepStatement: (statement) => {
      kept.keepStatement(statement);
      writeIdentity(directory, { ...identity, statement });
    },
    keepMemo: (memo) => {
      kept.keepMemo(memo);
      writePrivateFile(file, `${JSON.stringify(memo)}\n`);
    },
  };
}

/** Nothing rests on the memo but the hub's own memory: one that cannot be read is as good as none. */
function readMemo(file: string): Envelope | undefined {
  try {
    return Envelope.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    return undefined;
  }
}
