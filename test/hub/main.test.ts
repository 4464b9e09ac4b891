// The hub as a process: what it says when it cannot start, and that it stays up where it can.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "#test/suite.ts";

const test = suite("hub/main", { limitMs: 180_000 });
const root = join(import.meta.dirname, "..", "..");

interface Hub {
  data: string;
  child: ChildProcess;
  stderr(): string;
  /** Log lines so far. */
  lines(): Record<string, unknown>[];
  /** The first log line with this message. */
  line(message: string): Promise<Record<string, unknown>>;
  ended: Promise<number | null>;
}

async function withHub(
  options: { args?: string[]; node?: string[] },
  body: (hub: Hub) => Promise<void>,
): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), "fleet-main-"));
  const data = join(scratch, "hub");
  const free = ["--http-port", "0", "--mqtt-port", "0", "--poll-seconds", "1"];
  const own = ["--data", data, "--repository", join(data, "no-such-repository")];
  const args = [...(options.node ?? []), "hub/main.ts", ...own, ...free, ...(options.args ?? [])];
  const child = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk) => (out += chunk));
  child.stderr.on("data", (chunk) => (err += chunk));
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  const lines = (): Record<string, unknown>[] =>
    out
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  const line: Hub["line"] = async (message) => {
    for (;;) {
      const found = lines().find(({ msg }) => msg === message);
      if (found !== undefined) return found;
      assert.equal(child.exitCode, null, `the hub has ended: ${out}${err}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  try {
    await body({ data, child, stderr: () => err, lines, line, ended });
  } finally {
    child.kill("SIGKILL");
    await ended;
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function withTakenPort(body: (port: number) => Promise<void>): Promise<void> {
  const server: Server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  try {
    await body(address !== null && typeof address === "object" ? address.port : 0);
  } finally {
    server.close();
  }
}

for (const kind of ["http", "mqtt"] as const) {
  test(`a taken ${kind} port is one line that names it, and exit code 1`, () =>
    withTakenPort((port) =>
      withHub({ args: [`--${kind}-port`, `${port}`] }, async ({ ended, stderr }) => {
        assert.equal(await ended, 1);
        const [first, ...more] = stderr().trim().split("\n");
        assert.deepEqual(more, []);
        assert.match(first ?? "", new RegExp(`port ${port} .*taken.*--${kind}-port`));
      }),
    ));
}

test("stays up without its repository, says so everywhere, and ends well when told", () =>
  withHub({}, async ({ data, child, line, ended }) => {
    const { url } = await line("hub started");
    assert.equal(statSync(data).mode & 0o777, 0o700);
    const token = readFileSync(join(data, "operator.token"), "utf8").trim();
    const get = async (path: string) => {
      const headers = { Authorization: `Bearer ${token}` };
      return (await fetch(`${String(url)}${path}`, { headers })).json() as Promise<
        Record<string, unknown>
      >;
    };
    const event = await waitFor(async () => {
      const { items } = await get("/v1/events?reason=RepositoryUnreachable");
      return (items as { message: string }[])[0];
    });
    assert.match(event.message, /no-such-repository cannot be fetched/);
    const repository = (await get("/v1/fleet"))["repository"] as Record<string, unknown>;
    assert.equal(repository["reachable"], false);
    assert.equal(repository["fetchedAt"], null);
    assert.match(String(repository["problem"]), /no-such-repository cannot be fetched/);
    assert.match(String(repository["hint"]), /Check the address/);
    child.kill("SIGTERM");
    assert.equal(await ended, 0);
  }));

test("what nothing caught ends the process with a logged line", async () => {
  // On a signal and not after a time: only a hub that has started can show what it does.
  const throwing = (text: string) => `data:text/javascript,process.on("SIGUSR2",()=>{${text}})`;
  for (const text of ["throw new Error('planted')", "Promise.reject(new Error('planted'))"]) {
    await withHub({ node: ["--import", throwing(text)] }, async ({ child, line, ended, lines }) => {
      await line("hub started");
      child.kill("SIGUSR2");
      assert.equal(await ended, 1);
      const last = lines().find(({ level }) => level === 60);
      assert.match(JSON.stringify(last), /nothing caught.*planted|planted.*nothing caught/);
    });
  }
});

async function waitFor<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
