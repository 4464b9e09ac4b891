// Serves an application to real clients on a port of the loopback address.
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";

interface Served {
  /** Base address, without a slash at its end. */
  url: string;
  /** With all connections that are open still. */
  close(): void;
}

export async function serve(app: Parameters<typeof createAdaptorServer>[0]): Promise<Served> {
  const server = createAdaptorServer({ fetch: app.fetch });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const close = (): void => {
    if ("closeAllConnections" in server) server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${port}`, close };
}
