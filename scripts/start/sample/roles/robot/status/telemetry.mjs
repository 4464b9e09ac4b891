// Tells this device's agent how the service is. Nothing waits for the answer: the next post will do.
import { request } from "node:http";

const { FLEET_TELEMETRY_SOCKET: socketPath, FLEET_TELEMETRY_URL: url } = process.env;

export function tell(telemetry) {
  if (url === undefined) return;
  const asking = request(url, { socketPath, method: "POST" }, (answer) => answer.resume());
  asking.on("error", () => undefined);
  asking.end(JSON.stringify(telemetry));
}
