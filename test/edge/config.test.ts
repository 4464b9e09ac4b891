import * as assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { AgentFile } from "#edge/config/schema.ts";
import { appliesBy, enrolmentToken, loadConfig, parseConfig } from "#edge/config.ts";
import type { FleetError } from "#shared/errors.ts";
import { suite } from "#test/suite.ts";

const test = suite("agent configuration");
const example = join(import.meta.dirname, "../../edge/agent.example.yaml");
const least = "device: pi-1\nhub: {url: http://hub:7080}\n";

function refusal(text: string): FleetError {
  try {
    parseConfig("/etc/fleet/agent.yaml", text);
  } catch (error) {
    return error as FleetError;
  }
  return assert.fail("it was accepted");
}

test("two fields are enough, and every other has its default", () => {
  assert.deepEqual(parseConfig("/etc/fleet/agent.yaml", least), {
    device: "pi-1",
    hostname: hostname(),
    labels: {},
    hub: { url: "http://hub:7080", keepaliveSeconds: 30, isolatedAfterSeconds: 300 },
    dataDirectory: "/var/lib/metrica-fleet",
    runDirectory: "/run/fleet",
    intervalMs: 10_000,
    heartbeatMs: 10_000,
    runtime: "auto",
    docker: { socket: "/var/run/docker.sock" },
    projectPrefix: "",
    registries: {},
    page: { host: "127.0.0.1", port: 7090, tokenFile: "/var/lib/metrica-fleet/page-token" },
    workloadsOnStop: "keep",
    log: { level: "info" },
    journal: { maxBytes: 256_000_000 },
    disk: { reserveBytes: 200_000_000, ballastBytes: 16_000_000 },
    machine: {
      reboot: ["systemctl", "reboot"],
      bootIdFile: "/proc/sys/kernel/random/boot_id",
    },
    safeMode: { healthyAfterMs: 30_000 },
  });
});

test("short labels join the others, and paths start at the file", () => {
  const config = parseConfig(
    "/etc/fleet/agent.yaml",
    `${least}site: north\nrole: player\nlabels: {floor: "1", site: north}\ndataDirectory: data\n`,
  );
  assert.deepEqual(config.labels, { floor: "1", site: "north", role: "player" });
  assert.equal(config.dataDirectory, "/etc/fleet/data");
});

for (const [what, text, sentence] of [
  ["an unknown field", `${least}intervall: 5\n`, "3: intervall: is not a key that is known here"],
  [
    "an unknown nested field",
    `${least}page:\n  host: 127.0.0.1\n  prot: 1\n`,
    "5: page.prot: is not a key that is known here",
  ],
  ["a wrong type", `${least}interval: soon\n`, "3: interval: must be a number, but is a text"],
  ["a number out of range", `${least}interval: 0\n`, "3: interval: must be at least 1"],
  ["a wrong choice", `${least}runtime: podman\n`, "3: runtime: must be auto or docker or process"],
  [
    "a bad device id",
    "hub: {url: http://h}\ndevice: Pi_1\n",
    "2: device: must be 1 to 63 characters of a-z, 0-9 and -",
  ],
  ["a missing device", "\nhub: {url: http://h}\n", "2: device: is missing"],
  ["a missing address", "device: a\nhub:\n  token: 0123456789abcdef\n", "2: hub.url: is missing"],
  [
    "an address of another kind",
    "device: a\nhub:\n  url: ftp://h\n",
    "3: hub.url: must be an http:// or https:// address",
  ],
  ["a bad label", `${least}labels:\n  floor: first floor\n`, "4: labels.floor: "],
  [
    "contradicting labels",
    `${least}labels: {site: a}\nsite: b\n`,
    '4: site: contradicts labels.site, which is "a"',
  ],
  [
    "two tokens",
    "device: a\nhub:\n  url: http://h\n  token: 0123456789abcdef\n  tokenFile: t\n",
    "2: hub: takes either token or tokenFile, not both",
  ],
  [
    "a login without a password",
    `${least}registries:\n  r.example.org:\n    username: pi\n`,
    "4: registries.r.example.org: needs either password or passwordFile",
  ],
  [
    "a login whose file is absent",
    `${least}registries:\n  r:\n    username: pi\n    passwordFile: /absent\n`,
    "6: registries.r.passwordFile: /absent cannot be read: ENOENT",
  ],
  ["broken YAML", `${least}page: {host: [}\n`, "3: "],
  ["a key twice", `${least}device: pi-2\n`, "3: "],
  ["a text", "hello\n", "1: must be a map, but is a text"],
  ["an empty file", "", "1: device: is missing (and 1 more in this file)"],
] as const) {
  test(`refuses ${what} with file, line, field and reason`, () => {
    const error = refusal(text);
    assert.equal(error.code, "config_invalid");
    assert.equal(error.retry, "never");
    assert.ok(error.sentence.startsWith(`/etc/fleet/agent.yaml:${sentence}`), error.sentence);
    assert.match(error.hint ?? "", /agent\.example\.yaml/);
  });
}

test("a file that is not there is named", () => {
  assert.throws(
    () => loadConfig("/absent/agent.yaml"),
    (error: FleetError) => {
      assert.equal(error.code, "config_invalid");
      assert.match(error.sentence, /^\/absent\/agent\.yaml: .*ENOENT/);
      return true;
    },
  );
});

test("secrets come from files beside agent.yaml, without the line end", () => {
  const directory = mkdtempSync(join(tmpdir(), "fleet-config-"));
  const file = join(directory, "agent.yaml");
  try {
    writeFileSync(join(directory, "password"), "s3cret\r\n");
    writeFileSync(join(directory, "token"), "0123456789abcdef\n");
    writeFileSync(
      file,
      `device: a
hub: {url: http://h, tokenFile: token}
registries:
  r.example.org:5000: {username: pi, passwordFile: password}
  mirror: {username: pi, password: plain}
`,
    );
    const config = loadConfig(file);
    assert.deepEqual(config.registries, {
      "r.example.org:5000": { username: "pi", password: "s3cret" },
      mirror: { username: "pi", password: "plain" },
    });
    assert.equal(enrolmentToken(config, file), "0123456789abcdef");
    rmSync(join(directory, "token"));
    loadConfig(file);
    assert.throws(
      () => enrolmentToken(config, file),
      (error: FleetError) => {
        assert.match(error.sentence, /agent\.yaml:2: hub\.tokenFile: .* cannot be read: ENOENT/);
        return true;
      },
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
});

/** Dotted paths of all fields of a schema; the keys of a map are its users'. */
function fieldsOf(schema: z.ZodType, path = ""): string[] {
  const inner = unwrapped(schema);
  if (!(inner instanceof z.ZodObject)) return [path];
  const fields = Object.entries(inner.shape as Record<string, z.ZodType>);
  const below = fields.flatMap(([key, field]) =>
    fieldsOf(field, path === "" ? key : `${path}.${key}`),
  );
  return path === "" ? below : [path, ...below];
}

function unwrapped(schema: z.ZodType): z.ZodType {
  const { innerType } = schema.def as { innerType?: z.ZodType };
  return innerType === undefined ? schema : unwrapped(innerType);
}

function has(value: unknown, path: string): boolean {
  const found = path.split(".").reduce<unknown>((at, key) => {
    return typeof at === "object" && at !== null ? (at as Record<string, unknown>)[key] : undefined;
  }, value);
  return found !== undefined;
}

test("the example loads, and what it writes out are the defaults", () => {
  const config = loadConfig(example);
  const { device, hub, labels, ...rest } = parseConfig(example, least);
  assert.deepEqual(config, {
    ...rest,
    device: "pi-north-1",
    hub: { ...hub, url: "https://hub.example.org:7080" },
    labels: { floor: "ground", site: "north" },
  });
  assert.ok(device && hub && labels);
});

test("the example shows every field of the schema", () => {
  const text = readFileSync(example, "utf8").replace(/^(\s*)#(?=\S)/gm, "$1");
  const shown: unknown = parse(text);
  const fields = fieldsOf(AgentFile);
  assert.ok(fields.length > 25 && fields.includes("hub.tokenFile") && fields.includes("page.port"));
  assert.deepEqual(
    fields.filter((field) => !has(shown, field)),
    [],
  );
  const registries = (shown as { registries: Record<string, object> }).registries;
  const logins = Object.values(registries).flatMap((login) => Object.keys(login));
  assert.deepEqual(new Set(logins), new Set(["username", "password", "passwordFile"]));
});

test("the example tells truly which fields need a restart", () => {
  const text = readFileSync(example, "utf8").replaceAll("\n#", " ");
  const [live = "", restart = ""] = text.split("and these when the agent starts again");
  for (const [field, how] of Object.entries(appliesBy)) {
    const name = { intervalMs: "interval", heartbeatMs: "heartbeatSeconds" }[field] ?? field;
    const [place] = [how === "reload" ? live : restart.split("Relative paths")[0]];
    assert.match(place ?? "", new RegExp(`\\b${name}\\b`), `${field} is ${how}`);
  }
});
