import assert from "node:assert/strict";
import type { Enforced, HostConfig } from "#edge/runtime/docker/calls/api.ts";
import {
  changedLimits,
  changeText,
  limitsOf,
  updateBody,
} from "#edge/runtime/docker/create/limits.ts";
import { bodyOf } from "#test/edge/runtime/docker/apps.ts";
import { suite } from "#test/suite.ts";

const test = suite("limits");
const all: Enforced = {
  ...{ MemoryLimit: true, SwapLimit: true, CpuCfsPeriod: true, CpuCfsQuota: true },
  ...{ CPUShares: true, CPUSet: true, PidsLimit: true },
};
const mib = 1_048_576;
const always = { Name: "always", MaximumRetryCount: 0 };

function changes(asked: HostConfig, now: HostConfig, enforced = all): string {
  const [before, after] = [limitsOf(asked), limitsOf(now)];
  return changedLimits(before, after, enforced)
    .map((key) => changeText(key, before, after))
    .join("; ");
}

test("what the Engine fills in by itself is no change", () => {
  const filled = { Memory: 0, MemorySwap: 0, NanoCpus: 0, PidsLimit: 0, CpusetCpus: "" };
  const no = { Name: "no", MaximumRetryCount: 0 };
  assert.equal(changes({ RestartPolicy: no }, { ...filled, RestartPolicy: no }), "");
  assert.equal(changes({}, { MemorySwap: -1, RestartPolicy: no }), "");
  const limited = { Memory: 64 * mib, MemorySwap: 128 * mib };
  assert.equal(changes({ Memory: 64 * mib }, limited), "");
});

test("every limit that was changed is named with what it is and was", () => {
  const asked = { Memory: 128 * mib, NanoCpus: 5e8, RestartPolicy: always };
  const now = { Memory: 64 * mib, NanoCpus: 25e7, PidsLimit: 50, CpusetCpus: "1" };
  assert.equal(
    changes(asked, now),
    [
      "the memory limit is 64 MiB instead of 128 MiB",
      "the limit of memory and swap is 128 MiB instead of 256 MiB",
      "the CPU limit is 0.25 CPUs instead of 0.5 CPUs",
      "the limit of processes is 50 instead of none",
      "the set of CPUs is 1 instead of none",
      "the restart policy is no instead of always",
    ].join("; "),
  );
});

test("the tries of a restart policy are part of it", () => {
  const tries = (count: number) => ({
    RestartPolicy: { Name: "on-failure", MaximumRetryCount: count },
  });
  assert.equal(
    changes(tries(3), tries(5)),
    "the restart policy is on-failure:5 instead of on-failure:3",
  );
});

test("what the kernel does not enforce was dropped by the Engine, and by nobody else", () => {
  const asked = { Memory: 64 * mib, PidsLimit: 50, NanoCpus: 5e8, RestartPolicy: always };
  assert.equal(changes(asked, { RestartPolicy: always }, {}), "");
  assert.match(changes(asked, {}, {}), /^the restart policy is no instead of always$/);
});

test("an update puts back what it can say, and nothing can say that there is no limit", () => {
  const asked = limitsOf({ Memory: 64 * mib, RestartPolicy: { ...always, MaximumRetryCount: 0 } });
  assert.deepEqual(updateBody(asked, ["Memory", "RestartPolicy"]), {
    Memory: 64 * mib,
    MemorySwap: 128 * mib,
    RestartPolicy: always,
  });
  assert.deepEqual(updateBody(asked, ["RestartPolicy"]), { RestartPolicy: always });
  assert.equal(updateBody(asked, ["RestartPolicy", "PidsLimit"]), undefined);
});

test("a copy carries what it was made with, whatever the file's own labels say", () => {
  const { Labels } = bodyOf({ labels: { "metrica.fleet.limits": "{}" } });
  assert.deepEqual(JSON.parse(Labels["metrica.fleet.limits"] ?? ""), { RestartPolicy: "no" });
});
