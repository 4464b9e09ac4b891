import * as assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { createWatched, type End, type Watched } from "#edge/guard/watched.ts";
import { suite } from "#test/suite.ts";

const test = suite("watched program");
const deadlineMs = 600;
/** For programs that are never silent, however little of the processor they get. */
const patientMs = 60_000;

interface Life {
  watched: Watched;
  ends: (End & { pauseMs: number | undefined })[];
  /** What the program has written, one line per start. */
  lines(): string[];
  until(what: string, holds: () => boolean): Promise<void>;
}

async function withProgram(
  settings: {
    deadlineMs?: number;
    mode?: string;
    command?: string;
    isDone?: (end: End) => boolean;
  },
  body: (life: Life) => Promise<void>,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "fleet-watched-"));
  const file = join(directory, "starts");
  const ends: Life["ends"] = [];
  const args = [join(import.meta.dirname, "beating.ts"), file, settings.mode ?? ""];
  const watched = createWatched({
    deadlineMs: settings.deadlineMs ?? patientMs,
    maxPauseMs: 2000,
    launch: () =>
      spawn(settings.command ?? process.execPath, args, { stdio: ["ignore", 2, 2, "ipc"] }),
    onEnd: (end, pauseMs) => void ends.push({ ...end, pauseMs }),
    ...(settings.isDone === undefined ? {} : { isDone: settings.isDone }),
  });
  const lines = (): string[] => {
    try {
      return readFileSync(file, "utf8").trim().split("\n");
    } catch {
      return [];
    }
  };
  const until: Life["until"] = async (what, holds) => {
    for (const end = performance.now() + 60_000; !holds(); await wait(10)) {
      assert.ok(performance.now() < end, what);
    }
  };
  try {
    watched.start();
    await body({ watched, ends, lines, until });
  } finally {
    watched.stop("SIGKILL");
    await watched.ended;
    rmSync(directory, { recursive: true, force: true });
  }
}

const pidOf = ({ watched }: Life): number => {
  const pid = watched.pid();
  assert.ok(pid !== undefined);
  return pid;
};

test("is left alone for as long as it is heard", () =>
  withProgram({ deadlineMs: 1500 }, async (life) => {
    await life.until("a start", () => life.lines().length === 1);
    await wait(3000);
    assert.deepEqual(life.ends, []);
    assert.equal(life.lines().length, 1);
  }));

test("is killed and started again when it is stopped as a whole", () =>
  withProgram({ deadlineMs }, async (life) => {
    await life.until("a start", () => life.lines().length === 1);
    process.kill(pidOf(life), "SIGSTOP");
    await life.until("a second start", () => life.lines().length === 2);
    assert.equal(life.ends[0]?.signal, "SIGKILL");
    assert.ok((life.ends[0]?.silentMs ?? 0) >= deadlineMs);
  }));

test("is killed when it runs but is silent", () =>
  withProgram({ deadlineMs, mode: "mute" }, async (life) => {
    await life.until("two ends", () => life.ends.length === 2);
    assert.ok(life.ends.every(({ silentMs }) => (silentMs ?? 0) >= deadlineMs));
  }));

test("what it has started outlives its SIGKILL", () =>
  withProgram({ deadlineMs, mode: "parent" }, async (life) => {
    await life.until("a start", () => life.lines().length === 1);
    process.kill(pidOf(life), "SIGSTOP");
    await life.until("a second start", () => life.lines().length === 2);
    for (const pid of life.lines().map(Number)) {
      assert.ok(process.kill(pid, 0));
      process.kill(pid, "SIGKILL");
    }
  }));

test("that fails again and again starts ever later", () =>
  withProgram({ mode: "3" }, async (life) => {
    await life.until("three ends", () => life.ends.length === 3);
    assert.deepEqual(
      life.ends.map(({ code, pauseMs }) => [code, pauseMs]),
      [
        [3, 500],
        [3, 1000],
        [3, 2000],
      ],
    );
  }));

test("that cannot be started at all is tried again", () =>
  withProgram({ command: "/nonexistent/program" }, async (life) => {
    await life.until("two ends", () => life.ends.length === 2);
    assert.equal(life.watched.pid(), undefined);
  }));

test("ends for good as its keeper wants", () =>
  withProgram({ mode: "0", isDone: ({ code }) => code === 0 }, async (life) => {
    assert.equal((await life.watched.ended).code, 0);
    assert.deepEqual(
      life.ends.map(({ pauseMs }) => pauseMs),
      [undefined],
    );
  }));

test("ends well when it is told to, and does not come back", () =>
  withProgram({}, async (life) => {
    await life.until("a start", () => life.lines().length === 1);
    life.watched.stop("SIGTERM", 30_000);
    assert.deepEqual(await life.watched.ended, { code: 0, signal: null });
    await wait(700);
    assert.equal(life.lines().length, 1);
  }));

test("that does not end when it is told to is killed after the grace, stopped or not", () =>
  withProgram({ mode: "deaf" }, async (life) => {
    await life.until("a start", () => life.lines().length === 1);
    process.kill(pidOf(life), "SIGSTOP");
    life.watched.stop("SIGTERM", 200);
    assert.equal((await life.watched.ended).signal, "SIGKILL");
  }));

test("told to end between two starts it stays down", () =>
  withProgram({ mode: "3" }, async (life) => {
    await life.until("an end", () => life.ends.length === 1);
    life.watched.stop("SIGTERM");
    assert.equal((await life.watched.ended).code, 3);
    await wait(700);
    assert.equal(life.lines().length, 1);
  }));

test("gets the signals that are passed on", () =>
  withProgram({}, async (life) => {
    await life.until("a start", () => life.lines().length === 1);
    life.watched.signal("SIGHUP");
    await life.until("the signal", () => life.lines().includes("SIGHUP"));
  }));

test("that cannot even be made is tried again, and ends nobody who watches it", async () => {
  let tries = 0;
  const ends: unknown[] = [];
  const watched = createWatched({
    maxPauseMs: 20,
    launch: () => {
      tries += 1;
      if (tries < 3) throw Object.assign(new Error("spawn ENOMEM"), { code: "ENOMEM" });
      return spawn("true", { stdio: "ignore" });
    },
    onEnd: ({ fault }, pauseMs) => void ends.push([fault, pauseMs]),
    isDone: ({ code }) => code === 0,
  });
  watched.start();
  assert.deepEqual(await watched.ended, { code: 0, signal: null });
  const failed = ["spawn ENOMEM", 20];
  assert.deepEqual(ends, [failed, failed, [undefined, undefined]]);
});
