// An HTTP proxy before the hub that hands out bad bundles and passes everything else on.
import { request as ask, createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

/** What is wrong with a bundle. `short`: less than announced, in good order. `broken`: the connection ends
 *  in the middle. `wrong`: noise of the same size. `altered`: of the same size and form, another version in one
 *  file. `endless`: it never stops. `failing`: 500. */
export const tamperings = ["short", "broken", "wrong", "altered", "endless", "failing"] as const;
export type Tampering = (typeof tamperings)[number];

export interface BundleProxy {
  /** @returns its base address */
  start(): Promise<string>;
  stop(): Promise<void>;
  /** The next so many answers with a bundle are bad. */
  tamper(how: Tampering, times: number): void;
  /** How many bad ones were handed out. */
  served(): number;
}

const chunk = Buffer.alloc(64 * 1024, 0x61);

export function createBundleProxy({ port }: { port: number }): BundleProxy {
  let plan: { how: Tampering; left: number } | undefined;
  let served = 0;

  const server = createServer((incoming, outgoing) => {
    const options = { host: "127.0.0.1", port, path: incoming.url ?? "/" };
    const { method = "GET", headers } = incoming;
    const upstream = ask({ ...options, method, headers }, (answer) => {
      const how = isBundle(incoming, answer) ? next() : undefined;
      if (how === undefined) pass(answer, outgoing);
      else void spoil(how, answer, outgoing);
    });
    upstream.on("error", () => outgoing.destroy());
    incoming.pipe(upstream);
  });
  const next = (): Tampering | undefined => {
    if (plan === undefined || plan.left === 0) return undefined;
    plan.left -= 1;
    served += 1;
    return plan.how;
  };
  return {
    start: async () => {
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    },
    stop: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
    tamper: (how, left) => {
      plan = { how, left };
    },
    served: () => served,
  };
}

function isBundle({ url }: IncomingMessage, { statusCode }: IncomingMessage): boolean {
  return url?.startsWith("/v1/bundles/") === true && (statusCode === 200 || statusCode === 206);
}

function pass(answer: IncomingMessage, outgoing: ServerResponse): void {
  outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
  answer.pipe(outgoing);
}

async function spoil(how: Tampering, answer: IncomingMessage, outgoing: ServerResponse) {
  const body = await buffer(answer);
  const half = body.subarray(0, Math.floor(body.length / 2));
  const { "content-length": _, ...headers } = answer.headers;
  const status = answer.statusCode ?? 200;
  const ways: Record<Tampering, () => void> = {
    short: () =>
      outgoing.writeHead(status, { ...headers, "content-length": half.length }).end(half),
    broken: () => {
      outgoing.writeHead(status, answer.headers);
      outgoing.write(half, () => outgoing.destroy());
    },
    wrong: () => outgoing.writeHead(status, answer.headers).end(body.map((byte) => byte ^ 1)),
    altered: () => outgoing.writeHead(status, answer.headers).end(altered(body)),
    endless: () => {
      outgoing.writeHead(status, headers);
      outgoing.write(body);
      pourForever(outgoing);
    },
    failing: () => outgoing.writeHead(500).end(),
  };
  ways[how]();
}

/** A tar archive names no sum of what its files hold: only the bundle's digest tells. */
function altered(body: Buffer): Buffer {
  return Buffer.from(body.toString("latin1").replaceAll("good ", "evil "), "latin1");
}

function pourForever(outgoing: ServerResponse): void {
  const pour = (): void => {
    while (!outgoing.destroyed && outgoing.write(chunk));
  };
  outgoing.on("drain", pour);
  outgoing.on("error", () => undefined);
  pour();
}
