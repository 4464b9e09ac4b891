import * as assert from "node:assert/strict";
import type { Mount } from "#shared/compose/model.ts";
import { load, refusalText, serviceOf, withService } from "#test/shared/compose/harness.ts";
import { suite } from "#test/suite.ts";

const test = suite("compose mounts");
const rest = "volumes: {data: , my-vol_1.x: }\n";
const bind = (source: string, more: Partial<Extract<Mount, { type: "bind" }>> = {}): Mount => ({
  type: "bind",
  source,
  target: "/t",
  readOnly: false,
  createHostPath: true,
  ...more,
});
const volume = (more: Partial<Extract<Mount, { type: "volume" }>> = {}): Mount => ({
  type: "volume",
  target: "/t",
  readOnly: false,
  noCopy: false,
  ...more,
});

for (const [yaml, expected] of [
  ["/t", volume()],
  ["data:/t", volume({ source: "data" })],
  ["my-vol_1.x:/t/:ro,nocopy", volume({ source: "my-vol_1.x", readOnly: true, noCopy: true })],
  ["./a:/t", bind("./a")],
  ["./a/../b//c/:/t", bind("./b/c")],
  [".:/t", bind("./")],
  ["../a:/t:ro", bind("../a", { readOnly: true })],
  ["/dev/serial:/t:rw,rslave", bind("/dev/serial", { propagation: "rslave" })],
  ["/a:/t:ro,z", bind("/a", { readOnly: true, selinux: "z" })],
  ["/a:/t:cached", bind("/a")],
  ["~/a:/t", bind("/home/pi/a")],
  ["{type: bind, source: ./a, target: /t}", bind("./a")],
  ["{type: bind, source: a, target: /t, read_only: true}", bind("./a", { readOnly: true })],
  [
    "{type: bind, source: /a, target: /t, bind: {create_host_path: false, propagation: shared, selinux: Z}}",
    bind("/a", { createHostPath: false, propagation: "shared", selinux: "Z" }),
  ],
  [
    "{type: volume, source: data, target: /t, volume: {nocopy: true, subpath: x/y}}",
    volume({ source: "data", noCopy: true, subpath: "x/y" }),
  ],
  ["{type: volume, target: /t}", volume()],
  ["{type: tmpfs, target: /t}", { type: "tmpfs", target: "/t" }],
  [
    "{type: tmpfs, target: /t, tmpfs: {size: 64m, mode: 01777}}",
    { type: "tmpfs", target: "/t", sizeBytes: 67_108_864, mode: 0o1777 },
  ],
  [
    '{type: tmpfs, target: /t, tmpfs: {size: 1000, mode: "0700"}}',
    { type: "tmpfs", target: "/t", sizeBytes: 1000, mode: 0o700 },
  ],
] as const) {
  test(`reads ${yaml}`, () => {
    const { mounts } = serviceOf(`volumes:\n  - ${yaml}`, { rest, values: { HOME: "/home/pi" } });
    assert.deepEqual(mounts, [expected]);
  });
}

for (const [yaml, expected] of [
  ["tmpfs: /run", [{ type: "tmpfs", target: "/run" }]],
  [
    "tmpfs: [/a, '/b:size=1g,mode=755,uid=7,exec']",
    [
      { type: "tmpfs", target: "/a" },
      { type: "tmpfs", target: "/b", sizeBytes: 1_073_741_824, mode: 0o755, options: "uid=7,exec" },
    ],
  ],
] as const) {
  test(`reads ${yaml}`, () => assert.deepEqual(serviceOf(yaml).mounts, expected));
}

for (const [yaml, expected] of [
  [
    "volumes: [nope:/t]",
    "compose_invalid compose.yaml:4: services.web.volumes.0: the volume nope is not defined",
  ],
  [
    "volumes: [a/b:/t]",
    "compose_invalid compose.yaml:4: services.web.volumes.0: the volume a/b is not defined",
  ],
  [
    "volumes: ['./a:t']",
    'compose_invalid compose.yaml:4: services.web.volumes.0: the path in the container must be absolute, but is "t"',
  ],
  [
    "volumes: [data]",
    'compose_invalid compose.yaml:4: services.web.volumes.0: the path in the container must be absolute, but is "data"',
  ],
  [
    "volumes: ['a:/b:ro:x']",
    'compose_invalid compose.yaml:4: services.web.volumes.0: "a:/b:ro:x" is not of the form [SOURCE:]TARGET[:OPTIONS]',
  ],
  [
    "volumes:\n  - {type: bind, target: /t}",
    "compose_invalid compose.yaml:5: services.web.volumes.0: a bind mount needs a source",
  ],
  [
    "volumes:\n  - {type: volume}",
    'compose_invalid compose.yaml:5: services.web.volumes.0: the path in the container must be absolute, but is ""',
  ],
  [
    "volumes:\n  - type: image\n    source: i\n    target: /t",
    "compose_unsupported compose.yaml:5: services.web.volumes.0.type: is not supported: a mount of type image cannot be made on a device",
  ],
  [
    "tmpfs: [run]",
    'compose_invalid compose.yaml:4: services.web.tmpfs.0: the path in the container must be absolute, but is "run"',
  ],
  [
    "tmpfs: '/run:size=x'",
    'compose_invalid compose.yaml:4: services.web.tmpfs: the size must be such as 64m, but is "x"',
  ],
] as const) {
  test(`refuses ${yaml.replaceAll("\n", " ")}`, () => {
    assert.match(
      refusalText(withService(`image: i\n${yaml}`)),
      new RegExp(`^${RegExp.escape(expected)}`),
    );
  });
}

test("warns of an unknown mount option and of a home directory", () => {
  const { warnings } = load(
    withService("image: i\nvolumes: ['~/a:/a', './b:/b:fast']\nrestart: always"),
  );
  assert.deepEqual(warnings, [
    "compose.yaml:4: services.web.volumes.0: ~ is taken as /root: a device has no user of its own",
    'compose.yaml:4: services.web.volumes.1: the mount option "fast" is ignored',
  ]);
});
