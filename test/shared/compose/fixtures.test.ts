import * as assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import type { Mount } from "#shared/compose/model.ts";
import { startOrder } from "#shared/compose/order.ts";
import { suite } from "#test/suite.ts";
import { bind, directory, expectService, loadFixture, port, volume } from "./fixture.ts";
import { named } from "./harness.ts";

const test = suite("compose files as people write them for a Pi");
const started = { condition: "service_started", restart: false, required: true } as const;

test("zigbee2mqtt keeps its dongle by its id", () => {
  expectService("zigbee2mqtt.yaml", "zigbee2mqtt", {
    image: "koenkk/zigbee2mqtt:1.40.1",
    containerName: "zigbee2mqtt",
    restart: { name: "unless-stopped", maxAttempts: 0 },
    mounts: [bind("./zigbee2mqtt-data", "/app/data"), bind("/run/udev", "/run/udev", true)],
    devices: [
      {
        source: "/dev/serial/by-id/usb-ITead_Sonoff_Zigbee_3.0_USB_Dongle_Plus_V2_20220812-if00",
        target: "/dev/ttyACM0",
        permissions: "rwm",
      },
    ],
    groupAdd: ["dialout"],
    dependsOn: { mqtt: started },
  });
  expectService("zigbee2mqtt.yaml", "mqtt", {
    command: ["mosquitto", "-c", "/mosquitto-no-auth.conf"],
    ports: [port(1883), port(9001)],
  });
});

test("home-assistant runs privileged on the host's network with its defaults", () => {
  expectService("home-assistant.yaml", "homeassistant", {
    image: "ghcr.io/home-assistant/home-assistant:stable",
    privileged: true,
    networkMode: "host",
    networks: {},
    capAdd: ["NET_ADMIN", "NET_RAW"],
    extraHosts: ["host.docker.internal:host-gateway"],
    mounts: [
      bind("/opt/homeassistant", "/config"),
      bind("/etc/localtime", "/etc/localtime", true),
      bind("/run/dbus", "/run/dbus", true),
    ],
    healthcheck: {
      disabled: false,
      test: ["CMD-SHELL", "curl -fs http://localhost:8123/manifest.json || exit 1"],
      intervalMs: 90_000,
      timeoutMs: 10_000,
      retries: 3,
      startPeriodMs: 120_000,
    },
  });
});

test("frigate has its cameras, its shared memory and a tmpfs of a given size", () => {
  const values = { FRIGATE_RTSP_PASSWORD: "p" };
  expectService(
    "frigate.yaml",
    "frigate",
    {
      stopGraceMs: 30_000,
      resources: { shmBytes: 536_870_912 },
      environment: values,
      ports: [port(8971), port(8555), port(8555, 8555, "udp")],
      mounts: [
        bind("/etc/localtime", "/etc/localtime", true),
        bind("./config", "/config"),
        volume("media", "/media/frigate"),
        { type: "tmpfs", target: "/tmp/cache", sizeBytes: 1_000_000_000, mode: 0o1777 },
      ],
    },
    values,
  );
  const { project } = loadFixture("frigate.yaml", values);
  assert.deepEqual(named(project, "frigate").devices.at(-1), {
    source: "/dev/v4l/by-path/platform-3f980000.usb-usb-0:1.3:1.0-video-index0",
    target: "/dev/video0",
    permissions: "rw",
  });
  assert.deepEqual(project.volumes["media"]?.driverOptions, {
    device: ":/exports/frigate",
    o: "addr=10.0.0.5,nolock,soft,rw",
    type: "nfs",
  });
});

test("frigate without its password is refused with the author's reason", () => {
  assert.throws(() => loadFixture("frigate.yaml"), {
    code: "variable_missing",
    message: "FRIGATE_RTSP_PASSWORD is not set: the cameras need a password",
    where: {
      file: "frigate.yaml",
      line: 30,
      column: 7,
      key: "services.frigate.environment.FRIGATE_RTSP_PASSWORD",
    },
  });
});

test("mosquitto has its config and secret as files and a read-only root", () => {
  expectService("mosquitto.yaml", "mosquitto", {
    user: "1883:1883",
    readOnly: true,
    ports: [port(1883), { ...port(8883), hostIp: "127.0.0.1" }],
    configs: [{ source: "mosquitto", target: "/mosquitto/config/mosquitto.conf", mode: 0o440 }],
    secrets: [{ source: "passwords", target: "/run/secrets/passwords" }],
    mounts: [
      volume("data", "/mosquitto/data"),
      { type: "tmpfs", target: "/tmp" },
      { type: "tmpfs", target: "/run", sizeBytes: 67_108_864, mode: 0o1777, options: "uid=1883" },
    ],
    ulimits: { nofile: { soft: 20_000, hard: 40_000 }, nproc: { soft: 65_535, hard: 65_535 } },
  });
  const { project } = loadFixture("mosquitto.yaml");
  assert.equal(named(project, "mosquitto").healthcheck?.test?.[3], "$SYS/#");
  assert.deepEqual(project.configs, { mosquitto: { file: "mosquitto.conf" } });
});

test("node-red merges its env_file below its environment and takes limits from deploy", () => {
  expectService("node-red.yaml", "node-red", {
    environment: {
      FLOWS: "flows.json",
      GREETING: "two\nlines for flows.json",
      NODE_OPTIONS: "--max_old_space_size=256",
      NODE_RED_CREDENTIAL_SECRET: "a $literal # one",
      PLAIN: "plain value",
      TZ: "Europe/Amsterdam",
    },
    resources: { cpus: 0.5, memoryBytes: 268_435_456, memoryReservationBytes: 67_108_864 },
    restart: { name: "on-failure", maxAttempts: 3 },
  });
  assert.deepEqual(Object.keys(loadFixture("node-red.yaml").project.networks), ["node-red-net"]);
});

test("pihole serves DNS on both protocols and keeps booleans and numbers as texts", () => {
  expectService("pihole.yaml", "pihole", {
    hostname: "pi.hole",
    ports: [port(53), port(53, 53, "udp"), port(67, 67, "udp"), port(80)],
    environment: {
      CACHE_SIZE: "10000",
      DNSSEC: "true",
      FTLCONF_dns_listeningMode: "all",
      FTLCONF_webserver_api_password: "",
      TZ: "America/Chicago",
    },
    dns: ["127.0.0.1", "1.1.1.1"],
    sysctls: { "net.ipv6.conf.all.disable_ipv6": "1" },
  });
});

test("jellyfin has a GPU, groups and a disk that must be there", () => {
  expectService("jellyfin.yaml", "jellyfin", {
    groupAdd: ["122", "44"],
    deviceRequests: [{ count: -1, deviceIds: [], capabilities: ["gpu"], options: {} }],
    devices: [{ source: "/dev/dri", target: "/dev/dri", permissions: "rwm" }],
    extraHosts: ["host.docker.internal:host-gateway"],
    mounts: [
      bind("/srv/jellyfin/config", "/config"),
      volume("jellyfin-cache", "/cache"),
      {
        type: "bind",
        source: "/media/disk",
        target: "/media",
        readOnly: true,
        createHostPath: false,
        propagation: "rslave",
      },
    ],
  });
});

test("anchors and merge keys give both services their common part", () => {
  const logging = { driver: "json-file", options: { "max-file": "3", "max-size": "10m" } };
  const securityOptions = ["no-new-privileges:true"];
  expectService("anchors.yaml", "prometheus", {
    restart: { name: "unless-stopped", maxAttempts: 0 },
    logging,
    securityOptions,
    environment: { LOG_LEVEL: "info", TZ: "UTC" },
  });
  expectService(
    "anchors.yaml",
    "node-exporter",
    {
      restart: { name: "always", maxAttempts: 0 },
      logging,
      securityOptions,
      pid: "host",
      networkMode: "host",
      environment: { LOG_LEVEL: "debug", TZ: "Europe/Berlin" },
      mounts: [{ ...bind("/", "/host", true), propagation: "rslave" } as Mount],
    },
    { TZ: "Europe/Berlin" },
  );
});

test("a GPU is reserved under deploy, and a profile's service waits for its profile", () => {
  expectService("gpu.yaml", "ollama", {
    deviceRequests: [
      { driver: "nvidia", count: 1, deviceIds: [], capabilities: ["gpu"], options: {} },
    ],
    ociRuntime: "nvidia",
    ipc: "host",
    ulimits: { memlock: { soft: -1, hard: -1 }, stack: { soft: 67_108_864, hard: 67_108_864 } },
  });
  assert.deepEqual(Object.keys(loadFixture("gpu.yaml").project.services), ["ollama"]);
  expectService(
    "gpu.yaml",
    "trainer",
    {
      deviceRequests: [
        { driver: "nvidia", deviceIds: ["0", "1"], capabilities: ["gpu"], options: {} },
      ],
    },
    { COMPOSE_PROFILES: "training" },
  );
});

test("a service in the network of another starts after it and again with it", () => {
  const { project } = loadFixture("wireguard-vpn.yaml");
  assert.deepEqual(startOrder(project), [["wireguard"], ["torrent"]]);
  assert.deepEqual(named(project, "torrent").dependsOn, {
    wireguard: { condition: "service_healthy", restart: true, required: true },
  });
  assert.deepEqual(named(project, "torrent").volumesFrom, ["wireguard:ro"]);
  assert.deepEqual(named(project, "wireguard").sysctls, {
    "net.ipv4.conf.all.src_valid_mark": "1",
  });
  assert.deepEqual(project.networks["lan"]?.ipam?.config, [
    { subnet: "172.28.0.0/16", gateway: "172.28.0.1", auxAddresses: {} },
  ]);
});

test("robots scale by a value, each with a port of the range", () => {
  const values = {
    ROBOT_VERSION: "2",
    ROBOT_COUNT: "10",
    BROKER_REQUIRED: "false",
    SITE: "north hall",
  };
  expectService(
    "robots.yaml",
    "robot",
    {
      image: "registry.example/robot:2",
      replicas: 10,
      ports: [{ target: 9100, published: 9100, publishedEnd: 9109, protocol: "tcp" }],
      environment: { MQTT_URL: "mqtt://broker", PRICE: "$5", SITE: "north hall" },
      dependsOn: { broker: { ...started, required: false } },
      fleet: { runtime: "process", command: ["node", "robot.mjs", "--site", "north hall"] },
      postStart: [{ command: ["./warm-up.sh"], user: "root", privileged: false, environment: {} }],
      preStop: [{ command: ["./drain.sh", "--wait", "5"], privileged: false, environment: {} }],
    },
    values,
  );
});

test("a file of the second format keeps its limits, links and exposed ports", () => {
  expectService("media-stack.yaml", "db", {
    command: ["--transaction-isolation=READ-COMMITTED", "--log-bin=binlog"],
    resources: {
      cpus: 1.5,
      cpuShares: 512,
      memoryBytes: 536_870_912,
      memorySwapBytes: -1,
      oomScoreAdj: -500,
    },
    secrets: [{ source: "root", target: "/run/secrets/root", uid: "999", mode: 0o400 }],
  });
  expectService("media-stack.yaml", "app", {
    links: ["db:database"],
    dependsOn: { db: started },
    expose: ["80", "9000-9001"],
    labels: { "traefik.enable": "true", "traefik.http.routers.app.rule": "Host(`cloud.example`)" },
    logging: { driver: "journald", options: {} },
    stopSignal: "SIGQUIT",
    init: true,
    ports: [port(3000), port(3001), port(3002), { ...port(8443, 443), hostIp: "::1" }],
  });
});

test("every fixture is one of these", () => {
  const tested = readFileSync(import.meta.filename, "utf8");
  const files = readdirSync(directory).filter((name) => name.endsWith(".yaml"));
  assert.equal(files.length, 12);
  assert.deepEqual(
    files.filter((name) => !tested.includes(`"${name}"`)),
    [],
  );
});
