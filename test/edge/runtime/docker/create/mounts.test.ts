import assert from "node:assert/strict";
import { bodyOf, serviceSpec } from "#test/edge/runtime/docker/apps.ts";
import { suite } from "#test/suite.ts";

const test = suite("mounts");

test("mounts binds, volumes, tmpfs, files and other containers' volumes", () => {
  const { HostConfig } = bodyOf(
    {
      mounts: [
        { type: "bind", source: "./conf", target: "/c", readOnly: true, createHostPath: true },
        {
          type: "bind",
          source: "/dev/log",
          target: "/l",
          readOnly: false,
          createHostPath: false,
          propagation: "rslave",
        },
        {
          type: "bind",
          source: "/z",
          target: "/z",
          readOnly: false,
          createHostPath: false,
          selinux: "Z",
        },
        { type: "volume", source: "data", target: "/d", readOnly: false, noCopy: true },
        { type: "volume", target: "/anonymous", readOnly: false, noCopy: false },
        { type: "tmpfs", target: "/t", sizeBytes: 4096, mode: 0o1777 },
        { type: "tmpfs", target: "/u", sizeBytes: 8192, mode: 0o700, options: "noexec" },
      ],
      volumesFrom: ["db:ro", "container:other"],
    },
    {},
    { files: [{ source: "/files/0", target: "/run/secrets/key" }] },
    [serviceSpec({ name: "db", image: "db:1" })],
  );
  assert.deepEqual(HostConfig.Binds, ["/releases/a/conf:/c:ro", "/z:/z:rw,Z"]);
  assert.deepEqual(HostConfig.Mounts, [
    {
      Type: "bind",
      Source: "/dev/log",
      Target: "/l",
      ReadOnly: false,
      BindOptions: { Propagation: "rslave" },
    },
    {
      Type: "volume",
      Source: "shop_data",
      Target: "/d",
      ReadOnly: false,
      VolumeOptions: { NoCopy: true },
    },
    { Type: "volume", Target: "/anonymous", ReadOnly: false, VolumeOptions: { NoCopy: false } },
    { Type: "tmpfs", Target: "/t", TmpfsOptions: { SizeBytes: 4096, Mode: 0o1777 } },
    { Type: "bind", Source: "/files/0", Target: "/run/secrets/key", ReadOnly: true },
  ]);
  assert.deepEqual(HostConfig.Tmpfs, { "/u": "size=8192,mode=700,noexec" });
  assert.deepEqual(HostConfig.VolumesFrom, ["shop-db-1:ro", "other"]);
});
