import * as assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { createSystemdOutlet } from "#edge/agent/watchdog/systemd.ts";
import { suite } from "#test/suite.ts";

const test = suite("telling systemd");

/** The manager's end of NOTIFY_SOCKET: writes each datagram as one line of JSON. */
const receiver = `
import json, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("bound", flush=True)
while True:
    text = s.recv(4096).decode()
    if not text.startswith("BARRIER"): print(json.dumps(text), flush=True)
`;

interface Manager {
  socket: string;
  messages: string[];
  process: ChildProcess;
}

async function withManager(body: (manager: Manager) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "fleet-notify-"));
  const socket = join(directory, "notify");
  const child = spawn("python3", ["-c", receiver, socket], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const messages: string[] = [];
  child.stdout.on("data", (chunk: Buffer) => {
    for (const line of chunk.toString().trim().split("\n")) {
      if (line.startsWith('"')) messages.push(JSON.parse(line) as string);
    }
  });
  try {
    await once(child.stdout, "data");
    await body({ socket, messages, process: child });
  } finally {
    child.kill("SIGKILL");
    await once(child, "close");
    rmSync(directory, { recursive: true, force: true });
  }
}

const failures: string[] = [];
const outletFor = (socket: string, path = process.env["PATH"]) => {
  const outlet = createSystemdOutlet({
    environment: { PATH: path, NOTIFY_SOCKET: socket },
    onFailure: (why) => void failures.push(why),
  });
  assert.ok(outlet);
  return outlet;
};

async function until(what: string, holds: () => boolean): Promise<void> {
  for (const end = performance.now() + 60_000; !holds(); await wait(10)) {
    assert.ok(performance.now() < end, what);
  }
}

const fieldsOf = (messages: readonly string[]): string[] =>
  messages.flatMap((text) => text.trim().split("\n"));

test("there is nothing to tell where no systemd listens", () => {
  const onFailure = () => assert.fail();
  assert.equal(createSystemdOutlet({ environment: {}, onFailure }), undefined);
});

test.real("systemd-notify", "READY, WATCHDOG, STATUS and STOPPING arrive, in this order", () =>
  withManager(async ({ socket, messages }) => {
    const outlet = outletFor(socket);
    outlet.ready();
    await until("READY", () => messages.length === 1);
    outlet.alive("waiting\nfor the next round");
    await until("WATCHDOG", () => fieldsOf(messages).length === 3);
    outlet.stopping(1000);
    await until("STOPPING", () => fieldsOf(messages).length === 4);
    assert.deepEqual(fieldsOf(messages), [
      "READY=1",
      "WATCHDOG=1",
      "STATUS=waiting for the next round",
      "STOPPING=1",
    ]);
    assert.deepEqual(failures, []);
  }),
);

test.real(
  "systemd-notify",
  "a hundred feedings at once are two messages, and the first fact is not lost",
  () =>
    withManager(async ({ socket, messages }) => {
      const outlet = outletFor(socket);
      outlet.ready();
      for (let at = 0; at < 100; at += 1) outlet.alive(`round ${at}`);
      await until("the last", () => messages.join().includes("round 99"));
      assert.equal(messages.length, 2);
      assert.ok(fieldsOf(messages).includes("READY=1"));
    }),
);

test.real(
  "systemd-notify",
  "a manager that reads nothing costs one waiting program, not a pile",
  () =>
    withManager(async (manager) => {
      const directory = mkdtempSync(join(tmpdir(), "fleet-count-"));
      const started = join(directory, "started");
      const script = `#!/bin/sh\necho x >> ${started}\nexec /usr/bin/env -i NOTIFY_SOCKET="$NOTIFY_SOCKET" ${realPath()} "$@"\n`;
      writeFileSync(join(directory, "systemd-notify"), script, { mode: 0o755 });
      manager.process.kill("SIGSTOP");
      const outlet = outletFor(manager.socket, `${directory}:${process.env["PATH"]}`);
      for (let at = 0; at < 50; at += 1) {
        outlet.alive(`round ${at}`);
        await wait(10);
      }
      await until("a start", () => linesOf(started).length > 0);
      assert.equal(linesOf(started).length, 1);
      manager.process.kill("SIGCONT");
      await until("the last", () => manager.messages.join().includes("round 49"));
      assert.equal(linesOf(started).length, 2);
      rmSync(directory, { recursive: true, force: true });
    }),
);

test("without the program it is told once, and nothing else happens", async () => {
  failures.length = 0;
  const outlet = outletFor("/nonexistent/notify", "/nonexistent");
  outlet.ready();
  outlet.alive("observe");
  await until("the failure", () => failures.length > 0);
  outlet.alive("observe");
  await wait(100);
  assert.deepEqual(failures, ["systemd-notify does not start: ENOENT"]);
});

test.real("systemd-notify", "a socket that is gone is told once", async () => {
  failures.length = 0;
  const outlet = outletFor("/nonexistent/notify");
  outlet.alive("observe");
  await until("the failure", () => failures.length > 0);
  outlet.alive("observe");
  await wait(300);
  assert.deepEqual(failures, ["systemd-notify failed: exit code 1"]);
});

function realPath(): string {
  return execFileSync("sh", ["-c", "command -v systemd-notify"], { encoding: "utf8" }).trim();
}

function linesOf(file: string): string[] {
  return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
}

test("a program that cannot even be made is told once, and ends nothing", () => {
  failures.length = 0;
  // As without memory, spawn(3) throws: no argument or variable may be so long.
  const outlet = outletFor("/nonexistent/notify", "x".repeat(1_000_000));
  outlet.ready();
  outlet.alive("observe");
  assert.equal(failures.length, 1);
  assert.match(failures[0] ?? "", /^systemd-notify does not start: E/);
});

test.real("systemd-notify", "READY is told again until it has arrived", () =>
  withManager(async ({ socket, messages }) => {
    const directory = mkdtempSync(join(tmpdir(), "fleet-late-"));
    const outlet = outletFor(socket, `${directory}:/nonexistent`);
    failures.length = 0;
    outlet.ready();
    await until("a failure", () => failures.length === 1);
    symlinkSync(realPath(), join(directory, "systemd-notify"));
    outlet.alive("observe");
    await until("READY", () => fieldsOf(messages).includes("READY=1"));
    rmSync(directory, { recursive: true, force: true });
  }),
);
