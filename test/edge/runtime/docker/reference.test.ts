import assert from "node:assert/strict";
import { fullName, parseReference, versionOf } from "#edge/runtime/docker/reference.ts";
import { suite } from "#test/suite.ts";

const test = suite("image reference");

const digest = `sha256:${"0".repeat(64)}`;

test("tells a registry host from a repository's first part", () => {
  const hosts = [
    ["busybox", "docker.io"],
    ["library/busybox", "docker.io"],
    ["localhost/busybox", "localhost"],
    ["ghcr.io/a/b", "ghcr.io"],
    ["127.0.0.1:5000/a", "127.0.0.1:5000"],
  ] as const;
  for (const [image, host] of hosts) assert.equal(parseReference(image).host, host, image);
});

test("does not take a port for a tag", () => {
  assert.deepEqual(parseReference("registry:5000/a"), {
    host: "registry:5000",
    name: "registry:5000/a",
  });
  assert.equal(parseReference("registry:5000/a:7").tag, "7");
});

test("asks for the digest, else the tag, else latest", () => {
  assert.equal(versionOf(parseReference("a")), "latest");
  assert.equal(versionOf(parseReference("a:1")), "1");
  assert.equal(versionOf(parseReference(`a:1@${digest}`)), digest);
  assert.equal(fullName(parseReference("a")), "a:latest");
  assert.equal(fullName(parseReference(`a:1@${digest}`)), `a@${digest}`);
});
