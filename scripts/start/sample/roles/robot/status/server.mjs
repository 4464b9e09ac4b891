// Serves ./www on PORT, for devices without Docker.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tell } from "./telemetry.mjs";

const types = { html: "text/html; charset=utf-8", json: "application/json" };

let requests = 0;

function tellAll() {
  tell({
    state: "operational",
    uptimeSeconds: Math.round(process.uptime()),
    counters: { requests },
  });
}

const server = createServer(async (request, response) => {
  requests += 1;
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

server.listen(Number(process.env.PORT), "127.0.0.1", tellAll);
setInterval(tellAll, 60_000);
process.on("SIGTERM", () => process.exit(0));
