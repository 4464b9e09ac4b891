// Finds out which TCP ports of the loopback address are free.
import { createServer } from "node:net";
import { FleetError } from "#shared/errors.ts";

export function isFree(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const server = createServer();
  server.once("error", () => resolve(false));
  server.listen({ port, host: "127.0.0.1", exclusive: true }, () => {
    server.close(() => resolve(true));
  });
  return promise;
}

/** @param use what the port is for, and the option that changes it
 *  @throws FleetError port_taken */
export async function requireFree(
  port: number,
  use: { purpose: string; option: string },
): Promise<void> {
  if (await isFree(port)) return;
  throw new FleetError("port_taken", {
    message: `port ${port} is taken by another program, and wanted for ${use.purpose}`,
    subject: String(port),
    hint: `End that program, which may be another npm start, or choose another port with ${use.option}.`,
  });
}

/** The first free ports from a number on. */
export async function freePorts(from: number, count: number): Promise<number[]> {
  const found: number[] = [];
  for (let port = from; found.length < count && port < 65_535; port += 1) {
    if (await isFree(port)) found.push(port);
  }
  return found;
}
