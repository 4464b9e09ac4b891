import * as assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSessions } from "#edge/page/session.ts";
import { createPageToken, type PageToken } from "#edge/page/token.ts";
import { newToken, plainToken, tokenIn } from "#edge/page/token_words.ts";
import { suite } from "#test/suite.ts";

const test = suite("page token");

interface Desk {
  file: string;
  directory: string;
  token: PageToken;
  /** Lets the token look at its file once more. */
  look(): Promise<void>;
  said: string[];
  printed: string[];
  content(): Promise<string>;
}

/** @param place of the file within a directory of its own */
async function atDesk(use: (desk: Desk) => Promise<void>, place = "page-token"): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "fleet-token-"));
  const [file, said, printed] = [join(directory, place), [] as string[], [] as string[]];
  let turn = Promise.withResolvers<void>();
  let asleep = Promise.withResolvers<void>();
  const sleep = (): Promise<void> => {
    asleep.resolve();
    return turn.promise;
  };
  const note = (detail: Record<string, unknown>, message: string): void =>
    void said.push(`${message} ${JSON.stringify(detail)}`);
  const print = (sentence: string): void => void printed.push(sentence);
  const token = createPageToken({ file, clock: { sleep }, log: { info: note, warn: note }, print });
  const look = async (): Promise<void> => {
    const woken = turn;
    [turn, asleep] = [Promise.withResolvers(), Promise.withResolvers()];
    woken.resolve();
    await asleep.promise;
  };
  const content = async (): Promise<string> => (await readFile(file, "utf8")).trim();
  try {
    await use({ file, directory, token, look, said, printed, content });
  } finally {
    token.stop();
    turn.resolve();
    await rm(directory, { recursive: true, force: true });
  }
}

test("has 140 random bits in groups that a person can type, without look-alikes", () => {
  const all = new Set(Array.from({ length: 500 }, newToken));
  assert.equal(all.size, 500);
  for (const token of all)
    assert.match(token, /^([0-9a-hjkmnp-tv-z]{4}-){6}[0-9a-hjkmnp-tv-z]{4}$/);
  const letters = new Set([...all].join("").replaceAll("-", ""));
  assert.equal(letters.size, 32);
});

test("is the same whatever the typist makes of case, dashes, spaces, l and o", () => {
  assert.equal(plainToken(" A1O0-L1 "), plainToken("a100 11"));
  assert.notEqual(plainToken("abcd"), plainToken("abce"));
});

test("a file too short, empty or of zeroes holds none", () => {
  for (const content of [
    "",
    "\n",
    "short\n",
    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
    "--------------------",
  ]) {
    assert.equal(tokenIn(content), undefined);
  }
  assert.equal(tokenIn("my-own-words-of-sixteen\r\nrest"), "my-own-words-of-sixteen");
});

test("is made once, for the owner's eyes only, and kept over a start", () =>
  atDesk(async ({ file, token, content, printed }) => {
    await token.start();
    const text = await content();
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.ok(token.matches(text) && token.matches(text.toUpperCase().replaceAll("-", " ")));
    assert.ok(
      !token.matches(text.slice(0, -1)) && !token.matches("") && !token.matches(newToken()),
    );
    assert.ok(printed[0]?.includes(text));
    const log = { info: () => undefined, warn: () => undefined };
    const clock = { sleep: () => new Promise<void>(() => undefined) };
    const later = createPageToken({ file, clock, log });
    await later.start();
    assert.ok(later.matches(text));
    later.stop();
  }));

test("the log says where it is and never what it is", async () => {
  const directory = await mkdtemp(join(tmpdir(), "fleet-token-"));
  const file = join(directory, "page-token");
  const said: string[] = [];
  const note = (detail: object, message: string): void =>
    void said.push(message + JSON.stringify(detail));
  const clock = { sleep: () => new Promise<void>(() => undefined) };
  const token = createPageToken({ file, clock, log: { info: note, warn: note } });
  await token.start();
  token.stop();
  const text = (await readFile(file, "utf8")).trim();
  assert.equal(said.length, 1);
  assert.ok(said[0]?.includes(file) && !said[0].includes(text));
  await rm(directory, { recursive: true });
});

test("an edited file is the new token, a deleted one is made anew", () =>
  atDesk(async ({ file, token, look, content, printed }) => {
    await token.start();
    const first = await content();
    await writeFile(file, "words of my own choice\n");
    await look();
    assert.ok(token.matches("words-of-my-own-choice") && !token.matches(first));
    await rm(file);
    await look();
    const third = await content();
    assert.ok(token.matches(third) && third !== first);
    assert.ok(!token.matches("words-of-my-own-choice"));
    assert.equal(printed.length, 3);
  }));

test("a disk that takes no file does not stop it: in memory until the disk is back", () =>
  atDesk(
    async ({ directory, token, look, content, said, printed }) => {
      await writeFile(join(directory, "disk"), "not a directory");
      await token.start();
      await look();
      assert.equal(said.length, 1, "once per reason");
      assert.match(said[0] ?? "", /kept in memory/);
      const [, text = ""] = /: (\S+)$/.exec(printed[0] ?? "") ?? [];
      assert.ok(token.matches(text));
      await rm(join(directory, "disk"));
      await mkdir(join(directory, "disk"));
      await look();
      assert.equal(await content(), text, "the same token, now on the disk");
    },
    join("disk", "page-token"),
  ));

test("a session ends with its time, with the boot and with the token", () => {
  let [nowMs, bootId, key] = [1000, "b1", "k1"];
  const sessions = createSessions({
    token: {
      sign: (text) => Buffer.from(`${key} ${text}`.padEnd(32).slice(0, 32)).toString("base64url"),
    },
    clock: { monotonicMs: () => nowMs },
    bootId: () => bootId,
  });
  const value = sessions.open();
  assert.ok(sessions.holds(value));
  for (const bad of ["", "1000", `2000${value.slice(4)}`, value.slice(0, -1), `${value}x`]) {
    assert.ok(!sessions.holds(bad), bad);
  }
  key = "k2";
  assert.ok(!sessions.holds(value));
  [key, nowMs] = ["k1", 1000 + 12 * 3_600_000];
  assert.ok(sessions.holds(value));
  nowMs += 1;
  assert.ok(!sessions.holds(value));
  [nowMs, bootId] = [900, "b1"];
  assert.ok(!sessions.holds(value), "opened later than now: of another boot");
});
