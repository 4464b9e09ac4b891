import assert from "node:assert/strict";
import { unsupported } from "#edge/runtime/docker/create/unsupported.ts";
import { attachment, serviceSpec } from "#test/edge/runtime/docker/apps.ts";
import { suite } from "#test/suite.ts";

const test = suite("unsupported keys");

const demanding = serviceSpec({
  name: "web",
  annotations: { a: "b" },
  healthcheck: { disabled: false, startIntervalMs: 100 },
  mounts: [
    { type: "volume", source: "v", target: "/v", readOnly: false, noCopy: false, subpath: "x" },
  ],
  networks: { a: attachment({ macAddress: "02:42:0a:01:00:09" }), b: attachment() },
});

test("names each key that an old Engine would leave out without a word", () => {
  assert.deepEqual(unsupported(demanding, 41), [
    "annotations (API 1.43)",
    "healthcheck.start_interval (API 1.44)",
    "networks.mac_address (API 1.44)",
    "volumes.volume.subpath (API 1.45)",
  ]);
});

test("names none where the Engine knows them all, or none is asked for", () => {
  assert.deepEqual(unsupported(demanding, 45), []);
  assert.deepEqual(unsupported(serviceSpec({ name: "web" }), 30), []);
});
