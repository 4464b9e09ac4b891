// The device's network command, called for real: what it answers, and what is said when it fails.
import * as assert from "node:assert/strict";
import { callNetwork } from "#edge/run/network/command.ts";
import { FleetError } from "#shared/errors.ts";
import { suite } from "#test/suite.ts";

const test = suite("edge/run network command");

test("what is saved is the answer and goes nowhere else; what is read comes back on stdin", async () => {
  const told: string[] = [];
  const onOutput = (_: string, text: string): void => void told.push(text);
  const saves = ["sh", "-c", "echo words >&2; echo settings"];
  assert.equal(await callNetwork(saves, "save", { input: "", onOutput }), "settings\n");
  await callNetwork(["sh", "-c", "cat"], "restore", { input: "former", onOutput });
  assert.deepEqual(told, ["words\n", "former"]);
});

test("a save that fails tells its words, and nothing of what it was about to save", async () => {
  const command = ["sh", "-c", "echo psk=secret; echo no driver >&2; exit 3"];
  const error = await callNetwork(command, "save", { input: "" }).catch(
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof FleetError && error.code === "step_failed");
  assert.match(error.message, /ended with code 3: no driver$/);
  const silent = ["sh", "-c", "echo psk=secret; exit 3"];
  const other = await callNetwork(silent, "save", { input: "" }).catch((thrown: unknown) => thrown);
  assert.ok(other instanceof FleetError);
  assert.match(other.message, /ended with code 3$/);
});

test("a program that is not there is named", async () => {
  const call = callNetwork(["/nowhere/fleet-network"], "apply", { input: "{}" });
  await assert.rejects(call, { code: "command_missing" });
});
