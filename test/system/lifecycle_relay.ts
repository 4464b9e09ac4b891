// A relay to a local port that passes nothing while a file is there: a network that a device can cut itself off from.
import { existsSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface CutRelay {
  port: number;
  stop(): void;
}

const everyMs = 50;

export async function createCutRelay(target: { port: number; cutFile: string }): Promise<CutRelay> {
  const sockets = new Set<Socket>();
  const isCut = (): boolean => existsSync(target.cutFile);
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy()).on("close", () => sockets.delete(socket));
  };
  const server = createServer((near) => {
    keep(near);
    if (isCut()) return void near.destroy();
    const far = connect(target.port, "127.0.0.1");
    keep(far);
    near.pipe(far).pipe(near);
    near.on("close", () => far.destroy());
    far.on("close", () => near.destroy());
  });
  const timer = setInterval(() => {
    if (isCut()) for (const socket of sockets) socket.destroy();
  }, everyMs);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    stop: () => {
      clearInterval(timer);
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
