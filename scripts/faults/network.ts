// Puts proxies between one device and its hub, for as long as a fault of the network lasts.
import type { AgentStart } from "./agent.ts";
import type { Trial } from "./fault.ts";
import { createProxy, type Faults } from "./proxy.ts";

export interface Network {
  /** The same for MQTT and HTTP. */
  set(faults: Faults): void;
  /** Resets every connection; new ones are taken. */
  cut(): void;
  /** How often a connection was truncated in the middle of what it carried. */
  truncations(): number;
  http: { set(faults: Faults): void; cut(): void };
  mqtt: { set(faults: Faults): void; cut(): void };
}

/** The agent starts again behind the proxies and is connected when the body begins. After it the network
 *  is sound; the device must converge over the connections that it has made by itself, and only then
 *  starts again without proxies. */
export async function behindProxies(
  { world, device, note }: Trial,
  body: (network: Network) => Promise<void>,
  how: AgentStart = {},
): Promise<void> {
  const host = "127.0.0.1";
  const http = createProxy({ target: { host, port: world.hub.httpPort } });
  const mqtt = createProxy({ target: { host, port: world.hub.mqttPort } });
  try {
    const [httpAt, mqttAt] = [await http.start(), await mqtt.start()];
    await device.agent.restart({
      ...how,
      hubUrl: `http://${host}:${httpAt.port}`,
      mqttUrl: `mqtt://${host}:${mqttAt.port}`,
    });
    await device.connected();
    await body({
      ...{ http, mqtt },
      truncations: () => http.truncations() + mqtt.truncations(),
      set: (faults) => {
        for (const proxy of [http, mqtt]) proxy.set(faults);
      },
      cut: () => {
        for (const proxy of [http, mqtt]) proxy.cut();
      },
    });
    for (const proxy of [http, mqtt]) proxy.set({});
    const healed = performance.now();
    const [release] = device.releases();
    if (release?.quality === "good") await device.converged(release);
    note(
      `converged ${((performance.now() - healed) / 1000).toFixed(1)} s after the network was sound`,
    );
    await device.agent.restart();
  } finally {
    await Promise.all([http.stop(), mqtt.stop()]);
  }
}
