// The role that devices under fault run: a steady service that no update touches, and one that each replaces.
import { createRandom } from "./random.ts";

/** How a release is: one that works, or one that must be refused or rolled back.
 *  `crash`: it ends at once. `deaf`: it runs and never answers. `hungry`: it is killed, as by the kernel when
 *  memory is short. `barred`: what it wants of the device is taken. */
export type Quality = "good" | "crash" | "deaf" | "hungry" | "barred";

export interface RoleOptions {
  /** Of the bundle beside what the services need. */
  paddingBytes?: number;
  gracePeriodSeconds?: number;
  /** Both services are handed over in an update, behind the device's forwarder. */
  handOver?: true;
  /** Beside the role's own; `*.sh` can be run. */
  files?: Readonly<Record<string, string>>;
  /** Added to role.yaml. */
  roleLines?: readonly string[];
}

const paddingBytes = 96 * 1024;

/** Files below `roles/<name>/`. */
export function roleFiles(options: RoleOptions = {}): Record<string, string> {
  return {
    "compose.yaml": `services:\n${service("steady", options)}${service("moving", options)}`,
    "role.yaml": roleYaml(options),
    "padding.txt": padding(options.paddingBytes ?? paddingBytes),
    ...serviceFiles("steady"),
    ...serviceFiles("moving"),
    ...options.files,
  };
}

/** In which both copies run: long enough for a fault to fall into it. */
const handOverSeconds = 1;

/** The one file that makes another release of it. */
export const versionFile = "moving/version.txt";
export const firstVersion = "good 0";

export function isGood(version: string): boolean {
  return version.startsWith("good");
}

function service(name: "steady" | "moving", { handOver }: RoleOptions): string {
  const update = handOver === true ? "\n      update: hand-over" : "";
  const port = `\${${name.toUpperCase()}_PORT}`;
  return `  ${name}:
    image: \${IMAGE}
    command: ["sh", "serve.sh"]
    working_dir: /srv/${name}
    x-fleet:
      command: ["node", "server.mjs"]${update}
    environment:
      PORT: ${port}
    volumes:
      - ./${name}:/srv/${name}:ro
    ports:
      - 127.0.0.1:${port}:8080
    restart: unless-stopped
    stop_grace_period: 1s
`;
}

function roleYaml({ gracePeriodSeconds = 20, handOver, roleLines = [] }: RoleOptions): string {
  return `apiVersion: metrica.fleet/v1
kind: Role
requires: [STEADY_PORT, MOVING_PORT]
health:
  gracePeriodSeconds: ${gracePeriodSeconds}
  stableSeconds: ${handOver === true ? handOverSeconds : 0.3}
  probes:
    - http: http://127.0.0.1:\${MOVING_PORT}/id
      status: 200
${roleLines.map((line) => `${line}\n`).join("")}`;
}

function serviceFiles(name: string): Record<string, string> {
  return {
    [`${name}/server.mjs`]: server,
    [`${name}/serve.sh`]: shell,
    [`${name}/version.txt`]: `${firstVersion}\n`,
  };
}

/** Text that does not compress, the same each time. */
function padding(bytes: number): string {
  const random = createRandom(bytes);
  const letters = Array.from({ length: bytes }, () => random.between(33, 126));
  return Buffer.from(letters).toString("latin1");
}

const server = `// Says which process it is and which version it serves.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

const version = readFileSync("version.txt", "utf8");
if (version.startsWith("crash")) process.exit(3);
const answers = { "/id": \`\${process.pid}-\${Date.now()}\`, "/version.txt": version };
const server = createServer((request, response) => {
  const answer = answers[request.url];
  response.writeHead(answer === undefined ? 404 : 200).end(answer);
});
if (version.startsWith("hungry")) process.kill(process.pid, "SIGKILL");
if (version.startsWith("deaf")) setInterval(() => undefined, 60_000);
else server.listen(Number(process.env.FLEET_PORT_8080 ?? process.env.PORT), "127.0.0.1");
process.on("SIGTERM", () => process.exit(0));
`;

const shell = `# The same for a container, where busybox serves.
read -r version < version.txt
case "$version" in
  crash*) exit 3 ;;
  hungry*) kill -9 $$ ;;
  deaf*) exec sleep 86400 ;;
esac
mkdir -p /tmp/www
echo "$(hostname)-$(cat /proc/sys/kernel/random/uuid)" > /tmp/www/id
cp version.txt /tmp/www/version.txt
exec httpd -f -p "\${FLEET_PORT_8080:-8080}" -h /tmp/www
`;
