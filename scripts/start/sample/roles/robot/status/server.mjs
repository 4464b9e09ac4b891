// Serves ./www on PORT, for devices without Docker.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";

const types = { html: "text/html; charset=utf-8", json: "application/json" };

const server = createServer(async (request, response) => {
  const path = new URL(request.url, "http://local").pathname;
  const name = path === "/" ? "index.html" : path.slice(1);
  if (!/^[a-z.]+$/.test(name)) return response.writeHead(404).end();
  try {
    const body = await readFile(new URL(`www/${name}`, import.meta.url));
    response.writeHead(200, { "content-type": types[name.split(".").pop()] ?? "text/plain" });
    response.end(body);
  } catch {
    response.writeHead(404).end();
  }
});

server.listen(Number(process.env.PORT), "127.0.0.1");
process.on("SIGTERM", () => process.exit(0));
