import assert from "node:assert/strict";
import {
  anonymousName,
  anonymousPaths,
  mountAnonymous,
} from "#edge/runtime/docker/create/anonymous.ts";
import { bodyOf } from "#test/edge/runtime/docker/apps.ts";
import { suite } from "#test/suite.ts";

const test = suite("places of anonymous volumes");

const nothing: ReadonlySet<string> = new Set();
const place = { device: "pi-1", project: "shop", service: "db", index: "1", path: "/data" };
const anonymous = { type: "volume", readOnly: false, noCopy: false } as const;

test("are mounts without a source, and volumes of the image at which nothing else is mounted", () => {
  const body = bodyOf(
    {
      mounts: [
        { ...anonymous, target: "/declared" },
        { ...anonymous, target: "/named", source: "data" },
        { type: "tmpfs", target: "/memory" },
        { type: "tmpfs", target: "/memory-too", options: "noexec" },
        { type: "bind", source: "/b", target: "/bound", readOnly: false, createHostPath: true },
      ],
    },
    {},
    { files: [{ source: "/files/token", target: "/run/secrets/token" }] },
  );
  const ofImage = [
    ...["/declared", "/named", "/memory", "/memory-too", "/bound", "/run/secrets/token"],
    ...["/borrowed", "/image/"],
  ];
  assert.deepEqual(anonymousPaths(body, ofImage, new Set(["/borrowed"])), ["/declared", "/image"]);
});

test("are mounted by name, each once, and leave the other mounts alone", () => {
  const body = bodyOf({
    mounts: [
      { ...anonymous, target: "/declared", readOnly: true },
      { ...anonymous, target: "/named", source: "data" },
    ],
  });
  const volumes = new Map([
    ["/declared", "one"],
    ["/image", "two"],
  ]);
  const { HostConfig } = mountAnonymous(body, volumes);
  assert.deepEqual(
    HostConfig.Mounts?.map(({ Source, Target, ReadOnly }) => [Source, Target, ReadOnly]),
    [
      ["one", "/declared", true],
      ["shop_data", "/named", false],
      ["two", "/image", undefined],
    ],
  );
  assert.deepEqual(anonymousPaths({ HostConfig }, ["/image"], nothing), []);
});

test("have one name each, for every copy and path, and for each device of an Engine", () => {
  const others = [
    { ...place, index: "2" },
    { ...place, path: "/data/more" },
    { ...place, device: "pi-2" },
    { ...place, project: "shop-db-1", service: "x" },
  ];
  assert.match(anonymousName(place), /^shop_db-1_[0-9a-f]{12}$/);
  assert.equal(anonymousName({ ...place }), anonymousName(place));
  assert.equal(new Set([place, ...others].map(anonymousName)).size, 5);
});
