import * as assert from "node:assert/strict";
import type { Port } from "#shared/compose/model.ts";
import { refusal, serviceOf, withService } from "#test/shared/compose/harness.ts";
import { suite } from "#test/suite.ts";

const test = suite("compose ports");
const tcp = (target: number, published?: number): Port => ({
  target,
  ...(published === undefined ? {} : { published }),
  protocol: "tcp",
});

for (const [yaml, expected] of [
  ["80", [tcp(80)]],
  ['"80"', [tcp(80)]],
  ["8080:80", [tcp(80, 8080)]],
  ["22:22", [tcp(22, 22)]],
  ["53:53/udp", [{ target: 53, published: 53, protocol: "udp" }]],
  ["53:53/UDP", [{ target: 53, published: 53, protocol: "udp" }]],
  ["127.0.0.1:8080:80", [{ target: 80, published: 8080, hostIp: "127.0.0.1", protocol: "tcp" }]],
  ["127.0.0.1::80", [{ target: 80, hostIp: "127.0.0.1", protocol: "tcp" }]],
  ['":80"', [tcp(80)]],
  ['"[::1]:8443:443"', [{ target: 443, published: 8443, hostIp: "::1", protocol: "tcp" }]],
  ['"3000-3002"', [tcp(3000), tcp(3001), tcp(3002)]],
  ["9090-9091:8080-8081", [tcp(8080, 9090), tcp(8081, 9091)]],
  ["9100-9109:9100", [{ target: 9100, published: 9100, publishedEnd: 9109, protocol: "tcp" }]],
  ["{target: 80}", [tcp(80)]],
  ["{target: 80, published: 8080}", [tcp(80, 8080)]],
  [
    '{target: "80", published: "8080", protocol: udp, host_ip: 10.0.0.1, mode: host, name: web, app_protocol: http}',
    [{ target: 80, published: 8080, hostIp: "10.0.0.1", protocol: "udp" }],
  ],
  [
    '{target: 80, published: "8000-8002"}',
    [{ target: 80, published: 8000, publishedEnd: 8002, protocol: "tcp" }],
  ],
] as const) {
  test(`reads ${yaml}`, () => assert.deepEqual(serviceOf(`ports:\n  - ${yaml}`).ports, expected));
}

test("keeps one of two entries that mean the same", () => {
  assert.deepEqual(serviceOf('ports: ["80:80", {target: 80, published: 80}]').ports, [tcp(80, 80)]);
});

for (const yaml of [
  "http",
  '"80:"',
  "0:80",
  "80:70000",
  "90-80:80-90",
  "8000-8001:80-82",
  "1:2:3:4",
  "80:80/icmp",
  "{published: 80}",
  "{target: 80, published: x}",
  "1.5",
]) {
  test(`refuses ${yaml} with its line`, () => {
    const error = refusal(withService(`image: i\nports:\n  - 1:1\n  - ${yaml}`));
    assert.deepEqual(
      [error.code, error.where?.line, error.where?.key],
      ["compose_invalid", 6, "services.web.ports.1"],
    );
  });
}

test("publishes nothing with the host's network, and says so", () => {
  const service = serviceOf("network_mode: host\nports: ['80:80']");
  assert.deepEqual(service.ports, []);
});

test("refuses ports of a service that lives in the network of another", () => {
  const text = withService("image: i\nnetwork_mode: container:x\nports: ['80:80']");
  assert.equal(refusal(text).where?.key, "services.web.ports");
});
