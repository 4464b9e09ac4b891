// One listening Unix socket per app, opened and closed as apps come and go.

import { once } from "node:events";
import { chmod, rm, stat } from "node:fs/promises";
import type { Server } from "node:http";
import { connect } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import type { Hono } from "hono";
import type { AppName } from "#shared/ids.ts";
import { makeTelemetryPlace, telemetrySocket } from "./place.ts";

interface Options {
  runDirectory: string;
  routesOf(app: AppName): Hono;
  /** Told once per app why it cannot post. */
  warn(app: AppName, why: string): void;
}

export interface Sockets {
  /** Opens what is missing and closes what belongs to no app; never throws. */
  keep(apps: readonly AppName[]): Promise<void>;
  close(): Promise<void>;
}

interface Open {
  server: Server;
  path: string;
  /** Of the socket as it was made: a reboot or a hand may have taken it away. */
  inode: number;
}

/** A workload posts and goes; what stays connected must not use up the agent's descriptors. */
const limits = { connections: 32, requestMs: 10_000, idleMs: 5000 };

export function createSockets({ runDirectory, routesOf, warn }: Options): Sockets {
  const open = new Map<AppName, Open>();
  const warned = new Set<AppName>();
  let work = Promise.resolve();

  const fail = (app: AppName, why: string): void => {
    if (!warned.has(app)) warn(app, why);
    warned.add(app);
  };
  const ensure = async (app: AppName): Promise<void> => {
    const known = open.get(app);
    if (known !== undefined && (await inodeOf(known.path)) === known.inode) return;
    await shut(app);
    const directory = await makeTelemetryPlace(runDirectory, app);
    if (directory === undefined) return fail(app, `no socket can be made below ${runDirectory}`);
    const path = telemetrySocket(directory);
    if (await answers(path)) return fail(app, `another agent listens on ${path}`);
    open.set(app, await listen(path, routesOf(app)));
    warned.delete(app);
  };
  const shut = async (app: AppName): Promise<void> => {
    const closing = open.get(app);
    open.delete(app);
    if (closing !== undefined) await end(closing);
  };
  const settle = async (apps: readonly AppName[]): Promise<void> => {
    for (const app of open.keys()) if (!apps.includes(app)) await shut(app);
    for (const app of apps) {
      await ensure(app).catch((error: NodeJS.ErrnoException) =>
        fail(app, error.code ?? error.message),
      );
    }
  };
  const inTurn = (apps: readonly AppName[]): Promise<void> => {
    work = work.then(() => settle(apps));
    return work;
  };
  return { keep: inTurn, close: () => inTurn([]) };
}

async function listen(path: string, routes: Hono): Promise<Open> {
  await rm(path, { force: true });
  const server = createAdaptorServer({
    fetch: routes.fetch,
    overrideGlobalObjects: false,
  }) as Server;
  server.maxConnections = limits.connections;
  server.requestTimeout = limits.requestMs;
  server.headersTimeout = limits.requestMs;
  server.keepAliveTimeout = limits.idleMs;
  // A connection that cannot be taken must not end the agent.
  server.on("error", () => undefined);
  server.listen(path);
  await once(server, "listening");
  // Who sees the directory may post: a container has no user in common with the agent.
  await chmod(path, 0o666);
  return { server, path, inode: (await inodeOf(path)) ?? 0 };
}

async function end({ server }: Open): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
}

async function inodeOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ ino }) => ino,
    () => undefined,
  );
}

/** A socket that an agent left behind when it was killed answers nobody. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const settle = (answered: boolean) => () => {
      socket.destroy();
      resolve(answered);
    };
    socket.once("connect", settle(true)).once("error", settle(false));
  });
}
