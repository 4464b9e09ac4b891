// What runs do to the machine: scripts whose output is told, and which leave nothing behind.
import * as assert from "node:assert/strict";
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StagedRevision } from "#edge/release/port.ts";
import { createMachine } from "#edge/run/machine.ts";
import type { Machine } from "#edge/run/port.ts";
import { listMarked } from "#edge/runtime/process/proc.ts";
import { systemClock as clock } from "#shared/clock.ts";
import { FleetError } from "#shared/errors.ts";
import type { DeviceId } from "#shared/ids.ts";
import { suite } from "#test/suite.ts";

const test = suite("edge/run machine");

interface Place {
  machine: Machine;
  run(script: string, signal?: AbortSignal): Promise<string>;
}

/** @param reboot the command */
function within(reboot: string[], body: (place: Place) => Promise<void>): () => Promise<void> {
  return async () => {
    const directory = realpathSync(mkdtempSync(join(tmpdir(), "fleet-machine-")));
    const machine = createMachine({
      ...{ device: "pi-1" as DeviceId, directory: join(directory, "runs"), reboot },
      ...{ bootId: "boot-1", bootIdFile: join(directory, "boot-id"), clock },
    });
    const spec = { name: "web", values: { GREETING: "hello" }, release: {} };
    const staged = {
      directory,
      spec,
      role: { values: {}, hooks: {} },
    } as unknown as StagedRevision;
    const run = async (script: string, signal = new AbortController().signal): Promise<string> => {
      writeFileSync(join(directory, "a.sh"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
      let text = "";
      const onOutput = (stream: string, chunk: string): void => {
        text += `${stream}: ${chunk}`;
      };
      const call = { script: "a.sh", args: ["one", "two"], key: key(directory), timeoutMs: 30_000 };
      await machine.runScript(staged, call, { signal, onOutput });
      return text;
    };
    try {
      await body({ machine, run });
      assert.deepEqual(marked(directory), []);
    } finally {
      rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
    }
  };
}

function key(directory: string): string {
  return `${directory.split("-").at(-1)}-0-1`;
}

function marked(directory: string): number[] {
  return listMarked()
    .filter(({ marker }) => marker.nonce === key(directory))
    .map(({ pid }) => pid);
}

test(
  "a script gets its arguments and the app's values, and all that it says is told",
  within([], async ({ run }) => {
    assert.equal(await run('echo "$GREETING $1 $2"'), "stdout: hello one two\n");
  }),
);

test(
  "a script that fails says so with its last line",
  within([], async ({ run }) => {
    const error = await run("echo no room >&2; exit 3").catch((thrown: unknown) => thrown);
    assert.ok(error instanceof FleetError && error.code === "step_failed");
    assert.match(error.message, /a\.sh of web ended with code 3: no room/);
  }),
);

test(
  "nothing of a script lives on, not what it has started in another session either",
  within([], async ({ run }) => {
    await run("setsid sleep 600 >/dev/null 2>&1 & sleep 0.2");
  }),
);

test(
  "a reboot command that fails is told, with where to set it",
  within(["sh", "-c", "echo not allowed; exit 1"], async ({ machine }) => {
    const options = { signal: new AbortController().signal, onOutput: () => undefined };
    const error = await machine.reboot(options).catch((thrown: unknown) => thrown);
    assert.ok(error instanceof FleetError && error.code === "step_failed");
    assert.match(error.message, /not allowed/);
    assert.equal(error.hint, "Set machine.reboot in agent.yaml.");
  }),
);
