import assert from "node:assert/strict";
import type { ComposeService } from "#shared/compose/model.ts";
import { bodyOf } from "#test/edge/runtime/docker/apps.ts";
import { suite } from "#test/suite.ts";

const test = suite("create body");

test("carries command, user, names and environment", () => {
  const body = bodyOf({
    command: ["serve", "--all"],
    entrypoint: ["/init"],
    environment: { A: "1", B: "x=y" },
    workingDir: "/srv",
    user: "1000:1000",
    hostname: "web-host",
    domainName: "example.org",
    macAddress: "02:42:ac:11:00:05",
    tty: true,
    stdinOpen: true,
    stopSignal: "SIGINT",
    stopGraceMs: 1500,
  });
  assert.deepEqual(body.Cmd, ["serve", "--all"]);
  assert.deepEqual(body.Entrypoint, ["/init"]);
  assert.deepEqual(body.Env, ["A=1", "B=x=y"]);
  assert.equal(body.WorkingDir, "/srv");
  assert.equal(body.User, "1000:1000");
  assert.equal(body.Hostname, "web-host");
  assert.equal(body.Domainname, "example.org");
  assert.equal(body.MacAddress, "02:42:ac:11:00:05");
  assert.deepEqual([body.Tty, body.OpenStdin], [true, true]);
  assert.equal(body.StopSignal, "SIGINT");
  assert.equal(body.StopTimeout, 2);
});

test("sends no key that the file does not say", () => {
  const body = bodyOf({});
  for (const key of ["Cmd", "Entrypoint", "User", "Hostname", "Healthcheck", "MacAddress"]) {
    assert.ok(!(key in body), key);
  }
  for (const key of ["Memory", "NanoCpus", "PidsLimit", "Init", "IpcMode", "Annotations"]) {
    assert.ok(!(key in body.HostConfig), key);
  }
});

test("writes compose's labels over the file's, and our own", () => {
  const { Labels } = bodyOf({
    labels: { tier: "front", "com.docker.compose.project": "forged" },
    dependsOn: {
      db: { condition: "service_healthy", restart: false, required: true },
      cache: { condition: "service_started", restart: true, required: true },
    },
  });
  assert.equal(Labels["tier"], "front");
  assert.equal(Labels["com.docker.compose.project"], "shop");
  assert.equal(Labels["com.docker.compose.service"], "web");
  assert.equal(Labels["com.docker.compose.container-number"], "2");
  assert.equal(Labels["com.docker.compose.oneoff"], "False");
  assert.equal(Labels["com.docker.compose.image"], "sha256:1");
  assert.equal(Labels["com.docker.compose.project.working_dir"], "/releases/a");
  assert.equal(
    Labels["com.docker.compose.depends_on"],
    "db:service_healthy:false,cache:service_started:true",
  );
  assert.equal(Labels["metrica.fleet.device"], "pi-1");
  assert.equal(Labels["metrica.fleet.release"], "a".repeat(64));
});

test("gives healthcheck durations in nanoseconds", () => {
  const { Healthcheck } = bodyOf({
    healthcheck: {
      disabled: false,
      test: ["CMD", "true"],
      intervalMs: 1500,
      timeoutMs: 200,
      startPeriodMs: 3000,
      retries: 4,
    },
  });
  assert.deepEqual(Healthcheck, {
    Test: ["CMD", "true"],
    Interval: 1_500_000_000,
    Timeout: 200_000_000,
    StartPeriod: 3_000_000_000,
    Retries: 4,
  });
  assert.deepEqual(bodyOf({ healthcheck: { disabled: true } }).Healthcheck, { Test: ["NONE"] });
});

test("carries what is left of the host's configuration", () => {
  const { HostConfig } = bodyOf({
    restart: { name: "on-failure", maxAttempts: 3 },
    extraHosts: ["a:10.0.0.1", "b=[::1]", "host.docker.internal:host-gateway"],
    dns: ["1.1.1.1"],
    dnsOptions: ["ndots:1"],
    dnsSearch: ["example.org"],
    groupAdd: ["dialout"],
    annotations: { note: "x" },
    usernsMode: "host",
    cgroup: "private",
    cgroupParent: "/robots",
    ociRuntime: "runc",
    storageOptions: { size: "1G" },
    sysctls: { "net.core.somaxconn": "64" },
    ulimits: { nofile: { soft: 10, hard: 20 } },
  });
  assert.deepEqual(HostConfig.RestartPolicy, { Name: "on-failure", MaximumRetryCount: 3 });
  assert.deepEqual(HostConfig.ExtraHosts, [
    "a:10.0.0.1",
    "b:::1",
    "host.docker.internal:host-gateway",
  ]);
  assert.deepEqual(HostConfig.Dns, ["1.1.1.1"]);
  assert.deepEqual(HostConfig.DnsOptions, ["ndots:1"]);
  assert.deepEqual(HostConfig.DnsSearch, ["example.org"]);
  assert.deepEqual(HostConfig.GroupAdd, ["dialout"]);
  assert.deepEqual(HostConfig.Annotations, { note: "x" });
  assert.equal(HostConfig.UsernsMode, "host");
  assert.equal(HostConfig.CgroupnsMode, "private");
  assert.equal(HostConfig.CgroupParent, "/robots");
  assert.equal(HostConfig.Runtime, "runc");
  assert.deepEqual(HostConfig.StorageOpt, { size: "1G" });
  assert.deepEqual(HostConfig.Sysctls, { "net.core.somaxconn": "64" });
  assert.deepEqual(HostConfig.Ulimits, [{ Name: "nofile", Soft: 10, Hard: 20 }]);
});

test("bounds the log unless the file bounds it otherwise", () => {
  const bounded = { "max-size": "10m", "max-file": "3" };
  const logging = (given?: ComposeService["logging"]) =>
    bodyOf(given === undefined ? {} : { logging: given }).HostConfig.LogConfig;
  assert.deepEqual(logging(), { Type: "json-file", Config: bounded });
  assert.deepEqual(logging({ driver: "json-file", options: { "max-size": "1m" } }), {
    Type: "json-file",
    Config: { "max-size": "1m", "max-file": "3" },
  });
  assert.deepEqual(logging({ driver: "journald", options: { tag: "x" } }), {
    Type: "journald",
    Config: { tag: "x" },
  });
});
