// Roles as bundles that a hub in memory serves, well or badly.
import { bundle } from "#hub/release/bundle.ts";
import { AppSpec } from "#shared/desired.ts";

export interface Hub {
  fetch: typeof fetch;
  /** Answers with this instead; undefined lets it serve again. */
  misbehave(
    how: ((digest: string, bytes: Buffer) => Promise<Response> | Response) | undefined,
  ): void;
  requests: string[];
  /** What an app is to run, after its bundle was made and kept. */
  spec(name: string, wanted: Wanted): AppSpec;
}

export interface Wanted {
  /** What `web` is built from: another letter changes that service and no other. */
  letter: string;
  compose?: string;
  role?: string;
  values?: Record<string, string>;
  commit?: string;
  policy?: { gracePeriodMs: number; stableMs: number };
}

/** `db` is the same in every release, `web` differs by its letter. */
export function composeOf(letter: string, more = ""): string {
  return `services:
  db:
    image: db:1
    restart: always
  web:
    image: web:1
    restart: always
    environment: { LETTER: "${letter}" }
${more}`;
}

export function createHub(): Hub {
  const bundles = new Map<string, Buffer>();
  const requests: string[] = [];
  let misbehaviour: Parameters<Hub["misbehave"]>[0];
  return {
    requests,
    misbehave: (how) => {
      misbehaviour = how;
    },
    fetch: async (input, init) => {
      const digest = new Request(input).url.split("/").at(-1) ?? "";
      requests.push(digest);
      init?.signal?.throwIfAborted();
      const bytes = bundles.get(digest);
      if (bytes === undefined) return new Response(null, { status: 404 });
      return misbehaviour?.(digest, bytes) ?? new Response(new Uint8Array(bytes));
    },
    spec: (name, wanted) => {
      const { digest, bytes } = bundle(filesOf(wanted));
      bundles.set(digest, bytes);
      const { letter, values = {}, policy = { gracePeriodMs: 10_000, stableMs: 600 } } = wanted;
      const commit =
        wanted.commit ?? Buffer.from(letter.padEnd(20, ".")).toString("hex").slice(0, 40);
      const release = { digest, size: bytes.length, role: "web", commit, branch: "main" };
      return AppSpec.parse({ name, release, values, policy });
    },
  };
}

function filesOf({ letter, compose, role }: Wanted) {
  const files = {
    "compose.yaml": compose ?? composeOf(letter),
    ...(role && { "role.yaml": role }),
  };
  return Object.entries(files).map(([path, text]) => ({
    path,
    executable: false,
    bytes: Buffer.from(text),
  }));
}
