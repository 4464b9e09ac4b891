// The forwarder: holds the published ports of services that are handed over, and outlives its agent.
//
// It keeps nothing on disk but its identity: whoever starts it tells it the table. Only Node's own modules
// and little of the agent are loaded, since it stays in memory on every device that hands over.
import { unlink } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { recordSelf, withSocketPath } from "./identity.ts";
import { createListeners } from "./listeners.ts";
import type { ForwardRequest } from "./table.ts";

/** How long it stays without a port to hold: its agent may be on the way. */
const idleLimitMs = 30_000;

const [directory] = process.argv.slice(2);
if (directory === undefined) process.exit(64);

const listeners = createListeners();
let idleSinceMs = performance.now();

async function reply(socket: Socket, line: string): Promise<void> {
  const { routes } = JSON.parse(line) as ForwardRequest;
  if (routes !== undefined) await listeners.apply(routes);
  socket.end(`${JSON.stringify(listeners.answer())}\n`);
}

const control = createServer((socket) => {
  const drop = (): void => void socket.destroy();
  socket.on("error", drop);
  // It hands the socket's errors on: an agent that dies before its answer must end nothing here.
  const lines = createInterface({ input: socket }).on("error", drop);
  lines.once("line", (line) => void reply(socket, line).catch(drop));
});

setInterval(() => {
  if (!listeners.idle()) idleSinceMs = performance.now();
  else if (performance.now() - idleSinceMs > idleLimitMs) process.exit(0);
}, 1000);

recordSelf(directory);
await withSocketPath(directory, async (path) => {
  await unlink(path).catch(() => undefined);
  await new Promise<void>((listening) => control.listen(path, listening));
});
