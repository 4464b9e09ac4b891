// A role that is handed over, in the repository of a running fleet, and a client that never stops asking it.
import { mkdir, rm, writeFile } from "node:fs/promises";
import { get } from "node:http";
import { join } from "node:path";
import type { TestFleet } from "./running_fleet.ts";

const compose = (port: number): string => `services:
  web:
    image: \${IMAGE}
    command: [httpd, -f, -p, "8080", -h, /srv/www]
    x-fleet:
      update: hand-over
      command: [sh, -c, 'exec busybox httpd -f -p "127.0.0.1:$$FLEET_PORT_8080" -h www']
    volumes:
      - ./www:/srv/www:ro
    ports:
      - 127.0.0.1:${port}:8080
    restart: unless-stopped
    # A first process of a container has no default for SIGTERM, and busybox sets none.
    stop_signal: SIGKILL
    stop_grace_period: 1s
`;

/** One that is to fail need not be waited for; one that is to pass may meet a busy machine. */
const role = (port: number, passes: boolean): string => `apiVersion: metrica.fleet/v1
kind: Role
health:
  probes:
    - http: http://127.0.0.1:${port}/healthz
  gracePeriodSeconds: ${passes ? 30 : 2}
  stableSeconds: 0.2
`;

const deployment = `
  - name: web
    role: web
    selector: robots=yes
`;

/** Writes the role's files: version \`word\`, which passes its probe or not. */
export async function writeRelease(
  fleet: TestFleet,
  given: { word: string; passes: boolean; port: number },
): Promise<void> {
  const home = join(fleet.repository, "roles/web");
  await mkdir(join(home, "www"), { recursive: true });
  await writeFile(join(home, "compose.yaml"), compose(given.port));
  await writeFile(join(home, "role.yaml"), role(given.port, given.passes));
  await writeFile(join(home, "www/version"), given.word);
  if (given.passes) await writeFile(join(home, "www/healthz"), "fine");
  else await rm(join(home, "www/healthz"), { force: true });
}

export async function addDeployment(fleet: TestFleet): Promise<void> {
  await fleet.edit("fleet.yaml", (text) =>
    text.replace("\ndeployments:", `\ndeployments:${deployment}`),
  );
}

export interface Asking {
  /** What did not go well, one line each. */
  failures: string[];
  answers: number;
  /** The words that came, each once, in the order of their first. */
  words: string[];
  stop(): Promise<void>;
}

/** Asks every 50 ms, by a new connection each time. */
export function keepAsking(port: number): Asking {
  const asking: Asking = { failures: [], answers: 0, words: [], stop: async () => undefined };
  const pending = new Set<Promise<void>>();
  const one = async (): Promise<void> => {
    const at = new Date().toISOString();
    try {
      const word = await wordOf(port);
      asking.answers += 1;
      if (!asking.words.includes(word)) asking.words.push(word);
    } catch (error) {
      asking.failures.push(`${at} ${String(error)}`);
    }
  };
  const timer = setInterval(() => {
    const asked = one().finally(() => pending.delete(asked));
    pending.add(asked);
  }, 50);
  asking.stop = async () => {
    clearInterval(timer);
    await Promise.all(pending);
  };
  return asking;
}

export function wordOf(port: number): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const options = { host: "127.0.0.1", port, path: "/version", agent: false, timeout: 30_000 };
  const request = get(options, (response) => {
    let text = "";
    response.setEncoding("utf8");
    response.on("data", (part: string) => {
      text += part;
    });
    response.on("error", reject);
    response.on("end", () => {
      if (response.statusCode === 200) resolve(text);
      else reject(new Error(`answered ${response.statusCode}`));
    });
  });
  request.on("timeout", () => request.destroy(new Error("no answer within 30 s")));
  request.on("error", reject);
  return promise;
}
