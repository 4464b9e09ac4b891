import assert from "node:assert/strict";
import { systemClock } from "#shared/clock.ts";
import { suite } from "#test/suite.ts";
import { docker } from "#test/support/engine.ts";
import { attachment, plainNetwork } from "./apps.ts";
import { closeDevice, failure, inside, inspect, testDevice } from "./device.ts";

const test = suite("networks and volumes");
test.after(closeDevice);

const serving = ["sh", "-c", "echo hello >/www/index.html; httpd -f -p 80 -h /www"];

/** What a container gets from another by its name. A static busybox falls over in `wget`, which asks the C
 *  library for names; its own `nslookup` and `nc` do not. A name is known before its server listens. */
function fetched(container: string, name: string): string {
  const answer = inside(container, "nslookup", name, "127.0.0.11");
  const address = /Name:.*\nAddress(?: \d)?:\s*([\d.]+)/.exec(answer)?.[1];
  return page(container, address ?? "no address");
}

function page(container: string, address: string): string {
  const attempt = `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 2 ${address} 80 && exit 0; sleep 0.2;`;
  const answer = inside(
    container,
    "sh",
    "-c",
    `i=0; while [ $i -lt 100 ]; do ${attempt} i=$((i+1)); done; exit 1`,
  );
  return answer.split("\n").at(-1) ?? "";
}

test.real("docker", "lets services reach each other by name, on several networks", async () => {
  const { app, service, up } = testDevice();
  const net = app(
    "net",
    [
      service("server", {
        command: serving,
        networks: {
          back: attachment({ aliases: ["store"], ipv4Address: "10.213.7.9" }),
          front: attachment({ priority: 10 }),
        },
      }),
      service("near", { networks: { front: attachment() } }),
      service("far", { networks: { back: attachment() } }),
    ],
    {
      networks: {
        front: plainNetwork(),
        back: plainNetwork({
          internal: true,
          ipam: { options: {}, config: [{ subnet: "10.213.7.0/24", auxAddresses: {} }] },
        }),
      },
    },
  );
  await up(net);
  assert.equal(fetched(`${net.project}-near-1`, "server"), "hello");
  assert.equal(fetched(`${net.project}-near-1`, `${net.project}-server-1`), "hello");
  assert.equal(fetched(`${net.project}-far-1`, "store"), "hello");
  assert.equal(page(`${net.project}-far-1`, "10.213.7.9"), "hello");
  const { NetworkSettings } = inspect(`${net.project}-server-1`);
  assert.deepEqual(Object.keys(NetworkSettings.Networks).sort(), [
    `${net.project}_back`,
    `${net.project}_front`,
  ]);
});

test.real("docker", "reaches a published port on the host", async () => {
  const { app, service, up } = testDevice();
  const web = app("published", [
    service("web", {
      command: serving,
      ports: [{ target: 80, hostIp: "127.0.0.1", protocol: "tcp" }],
    }),
  ]);
  await up(web);
  const [binding] = inspect(`${web.project}-web-1`).NetworkSettings.Ports["80/tcp"];
  assert.equal(binding.HostIp, "127.0.0.1");
  let text = "";
  for (let tries = 0; text === "" && tries < 300; tries += 1) {
    const answer = fetch(`http://127.0.0.1:${binding.HostPort}/`).then((response) =>
      response.text(),
    );
    text = await answer.catch(() => "");
    if (text === "") await systemClock.sleep(100);
  }
  assert.equal(text.trim(), "hello");
});

test.real("docker", "makes nothing twice and removes its networks, not its volumes", async () => {
  const { app, service, up, until, runtime, engine } = testDevice();
  const kept = app("kept", [
    service("web", {
      mounts: [{ type: "volume", source: "data", target: "/data", readOnly: false, noCopy: false }],
    }),
  ]);
  await up(kept);
  const before = engine.counts();
  await runtime.prepare(kept);
  const after = engine.counts();
  assert.equal(after.createNetwork, before.createNetwork);
  assert.equal(after.createVolume, before.createVolume);
  const labels = JSON.parse(docker("network", "inspect", `${kept.project}_default`))[0].Labels;
  assert.equal(labels["com.docker.compose.network"], "default");
  for (const copy of await until(kept, (all) => all.length === 1)) await runtime.remove(copy);
  await runtime.cleanUp(kept.app, kept.project);
  assert.equal(await engine.inspectNetwork(`${kept.project}_default`), undefined);
  assert.notEqual(await engine.inspectVolume(`${kept.project}_data`), undefined);
});

test.real(
  "docker",
  "refuses a changed network under running services, and renews an unused one",
  async () => {
    const { app, service, up, until, runtime, engine } = testDevice();
    const web = service("web", { networks: { lan: attachment() } });
    const before = app("renewed", [web], { networks: { lan: plainNetwork() } });
    const after = app("renewed", [web], { networks: { lan: plainNetwork({ internal: true }) } });
    await up(before);
    const copies = await until(before, (all) => all.length === 1);
    const refusal = await failure(runtime.check(after, copies));
    assert.equal(refusal.code, "runtime_refused");
    assert.match(refusal.message, new RegExp(`in use by ${before.project}-web-1`));
    for (const copy of copies) await runtime.remove(copy);
    await runtime.prepare(after);
    const made = await engine.inspectNetwork(`${after.project}_lan`);
    assert.equal((made as unknown as { Internal: boolean }).Internal, true);
  },
);

test.real("docker", "wants external networks and volumes to exist", async () => {
  const { app, service, runtime, name } = testDevice();
  const outside = `${name}-outside`;
  const external = app("external", [service("web", { networks: { lan: attachment() } })], {
    networks: { lan: plainNetwork({ external: true, name: outside }) },
  });
  assert.match(
    (await failure(runtime.check(external, []))).message,
    /external network .* does not/,
  );
  docker("network", "create", "--label", `metrica.fleet.device=${name}`, outside);
  await runtime.check(external, []);
});

test.real("docker", "leaves a volume whose definition changed: it holds data", async () => {
  const { app, service, runtime } = testDevice();
  const volume = { external: false, driverOptions: {}, labels: {} };
  const mounts = [
    { type: "volume", source: "data", target: "/data", readOnly: false, noCopy: false } as const,
  ];
  const before = app("volume", [service("web", { mounts })], { volumes: { data: volume } });
  await runtime.prepare(before);
  const changed = { ...volume, driverOptions: { type: "tmpfs", device: "tmpfs" } };
  const after = app("volume", [service("web", { mounts })], { volumes: { data: changed } });
  assert.match((await failure(runtime.check(after, []))).message, /holds data/);
});
