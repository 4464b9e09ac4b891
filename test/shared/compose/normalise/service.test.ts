// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the variables are those of Compose.
import * as assert from "node:assert/strict";
import type { ComposeService } from "#shared/compose/model.ts";
import { partOf, serviceOf } from "#test/shared/compose/harness.ts";
import { suite } from "#test/suite.ts";

const test = suite("compose service");
const rest =
  "configs: {c: {content: x}}\nsecrets: {s: {environment: S}}\nnetworks: {lan: , wan: }\n";
const attachment = { aliases: [], linkLocalIps: [], driverOptions: {} };
const always = { name: "always", maxAttempts: 0 } as const;

const table: [yaml: string, expected: Partial<ComposeService>][] = [
  ["init: true", { init: true, image: "web:1", name: "web" }],
  ["command: echo 'a b'", { command: ["echo", "a b"] }],
  ["command: [echo, a b]\nentrypoint: []", { command: ["echo", "a b"], entrypoint: [] }],
  ["command:\nentrypoint: ''", { command: undefined as never, entrypoint: [] }],
  ["environment: [A=1, B=, C, D]", { environment: { A: "1", B: "", C: "see" } }],
  [
    "environment: {A: 1, B: '', C: , D: , E: true, F: 1.5, G: 0644}",
    { environment: { A: "1", B: "", C: "see", E: "true", F: "1.5", G: "420" } },
  ],
  ["env_file: a.env", { environment: { A: "a", X: "1" } }],
  ["env_file: [a.env, ./b.env]\nenvironment: {X: 3}", { environment: { A: "b", X: "3" } }],
  [
    "env_file:\n  - path: a.env\n    format: raw\n  - {path: none.env, required: false}",
    { environment: { A: "a", X: "1" } },
  ],
  ["labels: [a=1, b, c=d=e]", { labels: { a: "1", b: "", c: "d=e" } }],
  ["labels: {b: 2, a: true, c: }\nlabel_file: l", { labels: { a: "true", b: "2", c: "", l: "f" } }],
  ["annotations: {a: b}", { annotations: { a: "b" } }],
  ["restart: no", { restart: { name: "no", maxAttempts: 0 } }],
  ["restart: on-failure:3", { restart: { name: "on-failure", maxAttempts: 3 } }],
  ["restart: no\ndeploy: {restart_policy: {condition: any, max_attempts: 3}}", { restart: always }],
  ["deploy: {restart_policy: {}}", { restart: always }],
  [
    "deploy: {restart_policy: {condition: on-failure, max_attempts: '2'}}",
    { restart: { name: "on-failure", maxAttempts: 2 } },
  ],
  ["deploy: {restart_policy: {condition: none}}", { restart: { name: "no", maxAttempts: 0 } }],
  ["scale: 3", { replicas: 3 }],
  ["deploy: {replicas: '${N}'}", { replicas: 7 }],
  ["deploy: {mode: global}", { replicas: 1 }],
  ["deploy: {replicas: 0}", { replicas: 0 }],
  ["deploy:", { replicas: 1 }],
  ["stop_grace_period: 1m30s\nstop_signal: SIGINT", { stopGraceMs: 90_000, stopSignal: "SIGINT" }],
  ["hostname: ''", { stopGraceMs: 10_000, hostname: undefined as never }],
  ["pull_policy: if_not_present", { pullPolicy: "missing" }],
  ["pull_policy: daily", { pullPolicy: "always" }],
  [
    "healthcheck: {test: curl -f x}",
    { healthcheck: { disabled: false, test: ["CMD-SHELL", "curl -f x"] } },
  ],
  [
    "healthcheck: {test: [CMD, a], interval: 1m, timeout: 2s, retries: '5', start_period: 3s, start_interval: 100ms}",
    {
      healthcheck: {
        disabled: false,
        test: ["CMD", "a"],
        intervalMs: 60_000,
        timeoutMs: 2000,
        retries: 5,
        startPeriodMs: 3000,
        startIntervalMs: 100,
      },
    },
  ],
  ["healthcheck: {test: [NONE]}", { healthcheck: { disabled: true, test: ["NONE"] } }],
  ["healthcheck: {disable: true, test: a}", { healthcheck: { disabled: true, test: ["NONE"] } }],
  ["healthcheck: {interval: 5s}", { healthcheck: { disabled: false, intervalMs: 5000 } }],
  [
    "ulimits: {nofile: 10, core: {soft: 1, hard: 2}, memlock: -1}",
    {
      ulimits: {
        core: { soft: 1, hard: 2 },
        memlock: { soft: -1, hard: -1 },
        nofile: { soft: 10, hard: 10 },
      },
    },
  ],
  ["sysctls: [net.a=1, net.b=x]", { sysctls: { "net.a": "1", "net.b": "x" } }],
  ["sysctls: {net.a: 1}", { sysctls: { "net.a": "1" } }],
  [
    "extra_hosts: ['a:1.2.3.4', 'b=::1', 'c:::1', 'd=[::2]', 'host.docker.internal:host-gateway']",
    { extraHosts: ["a:1.2.3.4", "b:::1", "c:::1", "d:::2", "host.docker.internal:host-gateway"] },
  ],
  [
    "extra_hosts: {a: 1.2.3.4, b: ['1.1.1.1', '::1']}",
    { extraHosts: ["a:1.2.3.4", "b:1.1.1.1", "b:::1"] },
  ],
  [
    "dns: 1.1.1.1\ndns_search: [a, b]\ndns_opt: [ndots:1]",
    { dns: ["1.1.1.1"], dnsSearch: ["a", "b"], dnsOptions: ["ndots:1"] },
  ],
  ["expose: [80, '90-91/udp']", { expose: ["80", "90-91/udp"] }],
  [
    "configs: [c]\nsecrets: [s]",
    {
      configs: [{ source: "c", target: "/c" }],
      secrets: [{ source: "s", target: "/run/secrets/s" }],
    },
  ],
  [
    "configs: [{source: c, target: /etc/c, uid: '1', gid: '2', mode: 0440}]",
    { configs: [{ source: "c", target: "/etc/c", uid: "1", gid: "2", mode: 0o440 }] },
  ],
  [
    "secrets: [{source: s, target: t, mode: '0400'}]",
    { secrets: [{ source: "s", target: "/run/secrets/t", mode: 0o400 }] },
  ],
  ["networks: [wan, lan]", { networks: { lan: attachment, wan: attachment } }],
  [
    "networks:\n  lan:\n  wan: {aliases: [x], ipv4_address: 10.0.0.2, ipv6_address: '::2', mac_address: '02:42:ac:11:65:43', link_local_ips: [169.254.1.1], priority: 5, driver_opts: {a: 1}, interface_name: eth9}",
    {
      networks: {
        lan: attachment,
        wan: {
          aliases: ["x"],
          ipv4Address: "10.0.0.2",
          ipv6Address: "::2",
          macAddress: "02:42:ac:11:65:43",
          linkLocalIps: ["169.254.1.1"],
          priority: 5,
          driverOptions: { a: "1", "com.docker.network.endpoint.ifname": "eth9" },
        },
      },
    },
  ],
  ["init: true", { networks: { default: attachment } }],
  ["network_mode: host", { networkMode: "host", networks: {} }],
  [
    "logging: {driver: json-file, options: {max-file: 3, max-size: 10m, x: }}",
    { logging: { driver: "json-file", options: { "max-file": "3", "max-size": "10m" } } },
  ],
  [
    "privileged: 'true'\nread_only: ${YES}\ntty: 'on'\nstdin_open: false",
    { privileged: true, readOnly: true, tty: true, stdinOpen: false },
  ],
  [
    "ipc: host\npid: host\nuts: host\nuserns_mode: host\ncgroup: private\ncgroup_parent: m\nruntime: runc\nplatform: linux/arm64",
    {
      ipc: "host",
      pid: "host",
      uts: "host",
      usernsMode: "host",
      cgroup: "private",
      cgroupParent: "m",
      ociRuntime: "runc",
      platform: "linux/arm64",
    },
  ],
  [
    "user: '1000:1000'\ngroup_add: [dialout, 20]\nworking_dir: /w\nhostname: h\ndomainname: d\nmac_address: '02:42:ac:11:65:43'",
    {
      user: "1000:1000",
      groupAdd: ["dialout", "20"],
      workingDir: "/w",
      hostname: "h",
      domainName: "d",
      macAddress: "02:42:ac:11:65:43",
    },
  ],
  [
    "cap_add: [A]\ncap_drop: [ALL]\nsecurity_opt: [a:b]\ndevice_cgroup_rules: ['c 1:3 mr']\nstorage_opt: {size: 1G}",
    {
      capAdd: ["A"],
      capDrop: ["ALL"],
      securityOptions: ["a:b"],
      deviceCgroupRules: ["c 1:3 mr"],
      storageOptions: { size: "1G" },
    },
  ],
  [
    "post_start: [{command: ./a b, user: root, privileged: true, working_dir: /w, environment: [A=1]}]\npre_stop: [{command: [x]}]",
    {
      postStart: [
        {
          command: ["./a", "b"],
          user: "root",
          privileged: true,
          workingDir: "/w",
          environment: { A: "1" },
        },
      ],
      preStop: [{ command: ["x"], privileged: false, environment: {} }],
    },
  ],
  [
    "x-fleet: {runtime: process, command: 'node a.js \"b c\"'}\nx-other: {any: thing}",
    { fleet: { runtime: "process", command: ["node", "a.js", "b c"] } },
  ],
  [
    "x-fleet: {update: hand-over, updateLock: $YES}",
    { fleet: { update: "hand-over", updateLock: true } },
  ],
  ["x-fleet: {update: replace, updateLock: false}", { fleet: {} }],
];

const around = {
  values: { C: "see", N: "7", YES: "yes", S: "secret" },
  files: { "a.env": "A=a\nX=1\n", "b.env": "A=b\n", l: "l=f\na=hidden\n" },
  rest,
};

for (const [yaml, expected] of table) {
  test(`reads ${yaml.replaceAll("\n", " ")}`, () => {
    assert.deepEqual(partOf(serviceOf(yaml, around), expected), expected);
  });
}
