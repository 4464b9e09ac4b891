import assert from "node:assert/strict";
import type { ComposeService } from "#shared/compose/model.ts";
import { attachment, bodyOf, plainNetwork, serviceSpec } from "#test/edge/runtime/docker/apps.ts";
import { suite } from "#test/suite.ts";

const test = suite("endpoints");

test("binds host ports, and exposes what the file exposes", () => {
  const body = bodyOf({
    ports: [
      { target: 80, published: 8080, protocol: "tcp" },
      { target: 80, published: 8081, hostIp: "127.0.0.1", protocol: "tcp" },
      { target: 53, protocol: "udp" },
    ],
    expose: ["9000-9001", "7000/udp"],
  });
  assert.deepEqual(body.HostConfig.PortBindings, {
    "80/tcp": [
      { HostIp: "", HostPort: "8080" },
      { HostIp: "127.0.0.1", HostPort: "8081" },
    ],
    "53/udp": [{ HostIp: "", HostPort: "" }],
  });
  assert.deepEqual(Object.keys(body.ExposedPorts).sort(), [
    "53/udp",
    "7000/udp",
    "80/tcp",
    "9000/tcp",
    "9001/tcp",
  ]);
});

test("leaves the choice in a range of host ports to the Engine", () => {
  const ports = [{ target: 9100, published: 9100, publishedEnd: 9109, protocol: "tcp" } as const];
  const { PortBindings } = bodyOf({ ports }).HostConfig;
  assert.deepEqual(PortBindings, { "9100/tcp": [{ HostIp: "", HostPort: "9100-9109" }] });
});

const twoNetworks: Partial<ComposeService> = {
  networks: {
    back: attachment({ aliases: ["db-client"] }),
    front: attachment({ ipv4Address: "10.1.0.9", priority: 100, macAddress: "02:42:0a:01:00:09" }),
  },
};
const named = { networks: { front: plainNetwork({ name: "lobby" }) } };

test("creates with the network of highest priority where the Engine takes one", () => {
  const body = bodyOf(twoNetworks, named);
  assert.equal(body.HostConfig.NetworkMode, "lobby");
  assert.deepEqual(Object.keys(body.NetworkingConfig?.EndpointsConfig ?? {}), ["lobby"]);
  assert.equal(body.MacAddress, "02:42:0a:01:00:09");
});

test("creates with all networks where the Engine takes several", () => {
  const body = bodyOf(twoNetworks, named, { apiMinor: 44 });
  const endpoints = body.NetworkingConfig?.EndpointsConfig ?? {};
  assert.deepEqual(Object.keys(endpoints), ["lobby", "shop_back"]);
  assert.deepEqual(endpoints["lobby"]?.IPAMConfig, { IPv4Address: "10.1.0.9" });
  assert.equal(endpoints["lobby"]?.MacAddress, "02:42:0a:01:00:09");
  assert.deepEqual(endpoints["shop_back"]?.Aliases, ["web", "shop-web-2", "db-client"]);
  assert.ok(!("MacAddress" in body));
});

test("resolves the namespaces of other services to their containers", () => {
  const body = bodyOf(
    { networkMode: "service:db", pid: "service:db", ipc: "container:x", uts: "host" },
    {},
    {},
    [serviceSpec({ name: "db", containerName: "the-db" })],
  );
  assert.equal(body.HostConfig.NetworkMode, "container:the-db");
  assert.equal(body.HostConfig.PidMode, "container:the-db");
  assert.equal(body.HostConfig.IpcMode, "container:x");
  assert.equal(body.HostConfig.UTSMode, "host");
  assert.ok(!("NetworkingConfig" in body));
});

test("links every copy of a service under its alias", () => {
  const body = bodyOf({ links: ["db:store"], externalLinks: ["old:legacy"] }, {}, {}, [
    serviceSpec({ name: "db", replicas: 2 }),
  ]);
  const links = body.NetworkingConfig?.EndpointsConfig["shop_default"]?.Links ?? [];
  assert.ok(links.includes("shop-db-1:store"));
  assert.ok(links.includes("shop-db-2:store"));
  assert.ok(links.includes("shop-db-2:db-2"));
  assert.ok(links.includes("old:legacy"));
});
