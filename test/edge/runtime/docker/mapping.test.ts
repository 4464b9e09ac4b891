import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { suite } from "#test/suite.ts";
import { closeDevice, inside, inspect, testDevice } from "./device.ts";

const test = suite("mapping on the Engine");
test.after(closeDevice);

test.real("docker", "runs with the command, user, environment and names of the file", async () => {
  const { app, service, up } = testDevice();
  const web = app("said", [
    service("web", {
      entrypoint: ["sh", "-c"],
      command: ["sleep 300"],
      environment: { GREETING: "hello $world" },
      workingDir: "/tmp",
      user: "1000:1000",
      groupAdd: ["27"],
      hostname: "web-host",
      macAddress: "02:42:ac:11:00:05",
      extraHosts: ["printer=10.9.8.7", "host.docker.internal:host-gateway"],
      dns: ["10.9.8.1"],
      stopSignal: "SIGINT",
      init: true,
      labels: { tier: "front" },
    }),
  ]);
  await up(web);
  const name = `${web.project}-web-1`;
  assert.equal(inside(name, "sh", "-c", "echo $GREETING"), "hello $world");
  assert.equal(inside(name, "sh", "-c", "busybox pwd"), "/tmp");
  assert.match(inside(name, "id"), /uid=1000\(robot\) gid=1000\(robot\) groups=.*27/);
  assert.equal(inside(name, "hostname"), "web-host");
  assert.equal(inside(name, "cat", "/sys/class/net/eth0/address"), "02:42:ac:11:00:05");
  const hosts = inside(name, "cat", "/etc/hosts");
  assert.match(hosts, /10\.9\.8\.7\s+printer/);
  assert.match(hosts, /\d\s+host\.docker\.internal/);
  assert.equal(inspect(name).Config.StopSignal, "SIGINT");
  assert.equal(inspect(name).Config.Labels.tier, "front");
});

test.real("docker", "keeps the limits and rights of the file", async () => {
  const { app, service, up } = testDevice();
  const web = app("limits", [
    service("web", {
      resources: {
        memoryBytes: 32 * 2 ** 20,
        pids: 50,
        shmBytes: 2 ** 20,
        cpus: 0.5,
        oomScoreAdj: 300,
      },
      capDrop: ["ALL"],
      capAdd: ["NET_RAW"],
      securityOptions: ["no-new-privileges:true"],
      readOnly: true,
      ulimits: { nofile: { soft: 100, hard: 200 } },
      sysctls: { "net.core.somaxconn": "77" },
      devices: [{ source: "/dev/null", target: "/dev/sensor", permissions: "rw" }],
      mounts: [{ type: "tmpfs", target: "/scratch", sizeBytes: 65_536, mode: 0o1770 }],
      restart: { name: "on-failure", maxAttempts: 4 },
    }),
  ]);
  await up(web);
  const name = `${web.project}-web-1`;
  const { HostConfig } = inspect(name);
  assert.equal(HostConfig.Memory, 32 * 2 ** 20);
  assert.equal(HostConfig.NanoCpus, 500_000_000);
  assert.equal(HostConfig.PidsLimit, 50);
  assert.deepEqual(HostConfig.RestartPolicy, { Name: "on-failure", MaximumRetryCount: 4 });
  assert.equal(HostConfig.LogConfig.Config["max-size"], "10m");
  assert.equal(inside(name, "cat", "/proc/sys/net/core/somaxconn"), "77");
  assert.equal(inside(name, "cat", "/proc/1/oom_score_adj"), "300");
  // Of the service itself: what `docker exec` starts has at times the hard limit as its soft one.
  assert.match(inside(name, "cat", "/proc/1/limits"), /Max open files +100 +200 /);
  assert.match(inside(name, "cat", "/proc/1/status"), /CapBnd:\t0000000000002000/);
  assert.match(inside(name, "cat", "/proc/1/status"), /NoNewPrivs:\t1/);
  assert.match(inside(name, "stat", "-c", "%a %F", "/scratch"), /1770 directory/);
  assert.match(inside(name, "ls", "-l", "/dev/sensor"), /^c/);
  assert.equal(inside(name, "sh", "-c", "touch /x 2>/dev/null || echo read-only"), "read-only");
});

test.real("docker", "mounts binds, a volume that lasts and one of another service", async () => {
  const { app, service, up, until, runtime, directory } = testDevice();
  const volume = {
    type: "volume",
    source: "data",
    target: "/data",
    readOnly: false,
    noCopy: false,
  } as const;
  const stored = app("stored", [
    service("writer", {
      mounts: [
        volume,
        {
          type: "bind",
          source: "./made/by-engine",
          target: "/made",
          readOnly: false,
          createHostPath: true,
        },
        { type: "bind", source: "./", target: "/release", readOnly: true, createHostPath: false },
        { type: "volume", target: "/anonymous", readOnly: false, noCopy: false },
      ],
    }),
    service("reader", { volumesFrom: ["writer:ro"] }),
  ]);
  await up(stored);
  const writer = `${stored.project}-writer-1`;
  inside(writer, "touch", "/data/kept", "/made/file");
  assert.ok(existsSync(join(directory, "made/by-engine/file")));
  assert.equal(inside(`${stored.project}-reader-1`, "ls", "/data"), "kept");
  assert.equal(inspect(writer).Mounts.length, 4);
  for (const copy of await until(stored, (all) => all.length === 2)) await runtime.remove(copy);
  await up(stored);
  assert.equal(inside(writer, "ls", "/data"), "kept");
  assert.equal(inside(writer, "ls", "/anonymous"), "");
});
