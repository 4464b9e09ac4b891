// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the variables are those of Compose.
import * as assert from "node:assert/strict";
import type { ComposeProject } from "#shared/compose/model.ts";
import { suite } from "#test/suite.ts";
import { load, named, refusal, refusalText } from "./harness.ts";

const test = suite("compose load");

const network = {
  external: false,
  driverOptions: {},
  internal: false,
  attachable: false,
  enableIpv6: false,
  labels: {},
};

test("makes the default network only where a service uses it", () => {
  const uses = (body: string) =>
    Object.keys(load(`services: {web: {image: i${body}}}\nnetworks: {lan: }\n`).project.networks);
  assert.deepEqual(uses(""), ["default"]);
  assert.deepEqual(uses(", networks: [lan]"), ["lan"]);
  assert.deepEqual(uses(", network_mode: host"), []);
});

const networks: [yaml: string, expected: unknown][] = [
  ["", network],
  [
    "{name: own, driver: macvlan, driver_opts: {parent: eth0, n: 1}, internal: true, attachable: true, enable_ipv6: true, labels: [a=b]}",
    {
      name: "own",
      external: false,
      driver: "macvlan",
      driverOptions: { n: "1", parent: "eth0" },
      internal: true,
      attachable: true,
      enableIpv6: true,
      labels: { a: "b" },
    },
  ],
  ["{external: true}", { ...network, external: true, name: "lan" }],
  ["{external: true, name: real}", { ...network, external: true, name: "real" }],
  ["{external: {name: real}}", { ...network, external: true, name: "real" }],
  ["{external: 'false'}", network],
  [
    "{ipam: {driver: default, options: {a: b}, config: [{subnet: 10.0.0.0/24, ip_range: 10.0.0.128/25, gateway: 10.0.0.1, aux_addresses: {h: 10.0.0.5}}]}}",
    {
      ...network,
      ipam: {
        driver: "default",
        options: { a: "b" },
        config: [
          {
            subnet: "10.0.0.0/24",
            ipRange: "10.0.0.128/25",
            gateway: "10.0.0.1",
            auxAddresses: { h: "10.0.0.5" },
          },
        ],
      },
    },
  ],
];
for (const [yaml, expected] of networks) {
  test(`reads the network ${yaml}`, () => {
    const { project } = load(
      `services: {web: {image: i, networks: [lan]}}\nnetworks:\n  lan: ${yaml}\n`,
    );
    assert.deepEqual(project.networks, { lan: expected });
  });
}

test("reads volumes and leaves out what no service uses", () => {
  const { project } = load(
    "services: {web: {image: i, volumes: ['a:/a', 'b:/b']}}\nvolumes: {a: , b: {name: real, driver: nfs, driver_opts: {o: 1}, labels: {x: y}}, c: }\n",
  );
  assert.deepEqual(project.volumes, {
    a: { external: false, driverOptions: {}, labels: {} },
    b: {
      name: "real",
      external: false,
      driver: "nfs",
      driverOptions: { o: "1" },
      labels: { x: "y" },
    },
  });
});

test("reads configs and secrets from files, content and values", () => {
  const { project, warnings } = load(
    "services: {web: {image: i, restart: always, configs: [f, c], secrets: [e, n]}}\nconfigs: {f: {file: ./a/../b.conf}, c: {content: 'v=${V}'}}\nsecrets: {e: {environment: V}, n: {environment: NONE}}\n",
    { values: { V: "1" }, files: { "b.conf": "" } },
  );
  assert.deepEqual(project.configs, { c: { content: "v=1" }, f: { file: "b.conf" } });
  assert.equal(project.secrets["e"]?.environment, "V");
  assert.match(project.secrets["e"]?.valueHash ?? "", /^[0-9a-f]{64}$/);
  assert.deepEqual(project.secrets["n"], { environment: "NONE" });
  assert.deepEqual(warnings, [
    "compose.yaml:3: secrets.n.environment: the variable NONE is not set",
  ]);
});

for (const [text, expected] of [
  [
    "networks: {lan: {external: true, driver: bridge}}",
    "compose_invalid compose.yaml:2: networks.lan.driver: contradicts external: true",
  ],
  [
    "secrets: {s: {external: true}}",
    "compose_unsupported compose.yaml:2: secrets.s.external: is not supported: it is kept by a Swarm, and a device is none",
  ],
  [
    "configs: {s: {file: a, template_driver: golang}}",
    "compose_unsupported compose.yaml:2: configs.s.template_driver: is not supported: it is kept by a Swarm, and a device is none",
  ],
  [
    "configs: {s: {file: a, content: b}}",
    "compose_invalid compose.yaml:2: configs.s: needs exactly one of file, content and environment",
  ],
  [
    "secrets: {s: {}}",
    "compose_invalid compose.yaml:2: secrets.s: needs exactly one of file, content and environment",
  ],
] as const) {
  test(`refuses ${text}`, () =>
    assert.equal(refusalText(`services: {web: {image: i}}\n${text}\n`), expected));
}

const profiled =
  "services:\n  web: {image: i}\n  debug: {image: i, profiles: [debug, dev]}\n  gpu: {image: i, profiles: [gpu]}\n";

for (const [value, expected] of [
  [undefined, ["web"]],
  ["dev", ["debug", "web"]],
  ["gpu, debug", ["debug", "gpu", "web"]],
  ["*", ["debug", "gpu", "web"]],
  ["other", ["web"]],
] as const) {
  test(`runs ${expected.join(", ")} with the profiles ${value ?? "not named"}`, () => {
    const values = value === undefined ? {} : { COMPOSE_PROFILES: value };
    assert.deepEqual(Object.keys(load(profiled, { values }).project.services), expected);
  });
}

test("refuses a dependency that its profile leaves out, unless it is optional", () => {
  const needs = (depends: string) => `${profiled}  app: {image: i, depends_on: ${depends}}\n`;
  const error = refusal(needs("[gpu]"));
  assert.equal(
    error.sentence,
    "compose.yaml:5: services.app.depends_on.0: the service gpu is left out by its profiles",
  );
  assert.equal(error.hint, "Name its profile in the value COMPOSE_PROFILES.");
  const optional = load(needs("{gpu: {condition: service_started, required: false}}"));
  assert.deepEqual(named(optional.project, "app").dependsOn, {});
});

test("gathers dependencies from depends_on and from the keys that imply them", () => {
  const { project } = load(
    "services:\n  a: {image: i}\n  b: {image: i}\n  c: {image: i}\n  d: {image: i}\n  web:\n    image: i\n    depends_on: {a: {condition: service_healthy, restart: true}}\n    links: ['a:alias', b]\n    volumes_from: ['c:ro', 'container:x']\n    network_mode: service:d\n",
  );
  const started = { condition: "service_started", restart: false, required: true };
  assert.deepEqual(named(project, "web").dependsOn, {
    a: { condition: "service_healthy", restart: true, required: true },
    b: started,
    c: started,
    d: { ...started, restart: true },
  });
});

test("refuses a circle of dependencies at one of its services", () => {
  const error = refusal(
    "services:\n  a: {image: i, depends_on: [b]}\n  b:\n    image: i\n    links: [a]\n",
  );
  assert.deepEqual(
    [error.code, error.sentence],
    [
      "plan_cycle",
      "compose.yaml:2: services.a.depends_on: services wait for each other: a -> b -> a",
    ],
  );
});

test("warns of each unset variable with its place, once, by line", () => {
  const { warnings } = load(
    "services:\n  web:\n    image: i\n    environment: [A=$ONE, B=$TWO$ONE]\n    user: $ONE\n    restart: always\n",
  );
  assert.deepEqual(warnings, [
    "compose.yaml:4: services.web.environment.0: the variable ONE is not set and is taken as empty",
    "compose.yaml:4: services.web.environment.1: the variable TWO is not set and is taken as empty",
    "compose.yaml:4: services.web.environment.1: the variable ONE is not set and is taken as empty",
    "compose.yaml:5: services.web.user: the variable ONE is not set and is taken as empty",
  ]);
});

test("says which unset variable makes a value wrong, or only warns when the file alone is judged", () => {
  const text =
    'services:\n  web:\n    image: i\n    restart: always\n    volumes: ["${MEDIA}:/media"]\n';
  const error = refusal(text);
  assert.equal(error.code, "variable_missing");
  assert.equal(error.subject, "MEDIA");
  assert.equal(load(text, { unsetIsWarning: true }).warnings.length, 2);
});

test("refuses a key that is not supported whether or not its variable is set", () => {
  const text = "services:\n  web:\n    build: $CONTEXT\n";
  assert.equal(refusal(text).code, "compose_unsupported");
  assert.equal(refusal(text, { unsetIsWarning: true }).code, "compose_unsupported");
});

test("keeps every map in one order whatever the file's", () => {
  const there =
    "services:\n  b: {image: i, labels: {y: 1, x: 2}}\n  a: {image: i}\nnetworks: {default: {labels: {q: 1, p: 2}}}\n";
  const back =
    "networks: {default: {labels: {p: 2, q: 1}}}\nservices:\n  a: {image: i}\n  b: {labels: {x: 2, y: 1}, image: i}\n";
  assert.equal(JSON.stringify(load(there).project), JSON.stringify(load(back).project));
});

test("carries keys that are members of every object as plain names", () => {
  const { project } = load(
    "services:\n  constructor: {image: i, environment: {toString: a, __proto__: b}, depends_on: [valueOf]}\n  valueOf: {image: i}\n",
  );
  const { environment, dependsOn } = named(project, "constructor");
  assert.deepEqual(Object.entries(environment), [
    ["__proto__", "b"],
    ["toString", "a"],
  ]);
  assert.deepEqual(Object.keys(dependsOn), ["valueOf"]);
  assert.equal(
    refusal("services: {web: {image: i, networks: [toString]}}\n").where?.key,
    "services.web.networks.0",
  );
});

test("leaves nothing undefined in the model", () => {
  const { project } = load(
    "services: {web: {image: i, healthcheck: {test: a}, ports: [80], volumes: ['./a:/a']}}\n",
  );
  const walk = (value: unknown): void => {
    assert.notEqual(value, undefined);
    if (typeof value === "object" && value !== null) Object.values(value).forEach(walk);
  };
  walk(project satisfies ComposeProject);
});
