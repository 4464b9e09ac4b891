// Which runtimes a device has when its Engine does not answer at the start of the agent.
import * as assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttp } from "node:http";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { parseConfig } from "#edge/config.ts";
import type { Journal } from "#edge/journal/port.ts";
import { chooseRuntimes } from "#edge/runtime/choose.ts";
import { systemClock } from "#shared/clock.ts";
import { withScratch } from "#test/edge/journal/fixture.ts";
import { suite } from "#test/suite.ts";
import {
  docker,
  dockerSocket,
  importBusybox,
  removeImage,
  removeLabelled,
  uniqueName,
} from "#test/support/engine.ts";
import { appOf, serviceSpec } from "./docker/apps.ts";

const test = suite("the choice of runtimes");

interface Place {
  socket: string;
  /** The runtimes that a start of the agent finds, the one for services that name none first. */
  start(runtime?: "auto" | "docker" | "process"): Promise<string[]>;
  warnings: string[];
}

function withDevice(body: (place: Place) => Promise<void>): Promise<void> {
  return withScratch(async ({ directory, open }) => {
    const socket = join(directory, "docker.sock");
    const journal: Journal = open();
    const warnings: string[] = [];
    const log = { warn: (_: object, message: string) => void warnings.push(message) };
    const start: Place["start"] = async (runtime = "auto") => {
      const text = [
        ...["device: pi-1", 'hub: { url: "http://127.0.0.1:1" }', `runtime: ${runtime}`],
        ...[`docker: { socket: ${socket} }`, `dataDirectory: ${directory}`, "runDirectory: run"],
      ].join("\n");
      const config = parseConfig(join(directory, "agent.yaml"), text);
      const chosen = await chooseRuntimes({
        ...{ config: () => config, journal, clock: systemClock, log },
      });
      await chosen.stop();
      return [chosen.preferred, ...chosen.names.filter((name) => name !== chosen.preferred)];
    };
    await body({ socket, start, warnings });
  });
}

async function listen(server: Server, socket: string): Promise<() => Promise<void>> {
  server.listen(socket);
  await once(server, "listening");
  return async () => {
    server.close();
    await once(server, "close");
  };
}

test.real("docker", "what an operator should hear of a copy's image is an event of its app", () =>
  withScratch(async ({ directory, open }) => {
    const journal: Journal = open();
    const device = uniqueName("pi");
    const image = `${device}:1`;
    const text = [
      ...[`device: ${device}`, 'hub: { url: "http://127.0.0.1:1" }', "runtime: docker"],
      ...[`docker: { socket: ${dockerSocket} }`, `dataDirectory: ${directory}`],
    ].join("\n");
    const config = parseConfig(join(directory, "agent.yaml"), text);
    const log = { warn: () => undefined };
    const chosen = await chooseRuntimes({
      ...{ config: () => config, journal, clock: systemClock, log },
    });
    const web = { name: "web", image, command: ["sleep", "300"], networkMode: "none" };
    const app = appOf(device, directory, [serviceSpec({ ...web, stopSignal: "SIGKILL" })]);
    const start = async (): Promise<void> =>
      chosen.all[0]?.start(app, { service: "web", index: 1 });
    try {
      importBusybox(image, "former");
      await start();
      docker("rm", "-f", `${device}-web-1`);
      removeImage(image);
      importBusybox(image, "another");
      await start();
      const [told] = journal.entries({ kinds: ["event"], limit: 1 });
      assert.deepEqual([told?.app, told?.body["reason"]], [device, "ImageGone"]);
    } finally {
      await chosen.stop();
      removeLabelled(`metrica.fleet.device=${device}`);
      removeImage(image);
    }
  }),
);

const engine = () =>
  createHttp((_, response) => {
    response.setHeader("content-type", "application/json");
    response.setHeader("connection", "close");
    response.end(JSON.stringify({ ApiVersion: "1.45", MinAPIVersion: "1.24" }));
  });

test("without an Engine there are processes alone, and with one both", () =>
  withDevice(async ({ socket, start, warnings }) => {
    assert.deepEqual(await start(), ["process"]);
    const stop = await listen(engine(), socket);
    assert.deepEqual(await start(), ["docker", "process"]);
    assert.deepEqual(await start("process"), ["process"]);
    await stop();
    assert.deepEqual(warnings, []);
  }));

test("an Engine that was there is waited for when it is away, until somebody says process", () =>
  withDevice(async ({ socket, start, warnings }) => {
    const stop = await listen(engine(), socket);
    await start();
    await stop();
    assert.deepEqual(await start(), ["docker", "process"]);
    assert.deepEqual(warnings, ["no Docker Engine answers yet"]);
    assert.deepEqual(await start("process"), ["process"]);
    assert.deepEqual(await start(), ["process"]);
  }));

test("an Engine that takes connections and gives no answer is one", () =>
  withDevice(async ({ socket, start }) => {
    const held = new Set<{ destroy(): void }>();
    const stop = await listen(
      createServer((one) => void held.add(one.on("error", () => undefined))),
      socket,
    );
    assert.deepEqual(await start(), ["docker", "process"]);
    for (const one of held) one.destroy();
    await stop();
  }));

test("a device that is to use Docker starts without it, and says so", () =>
  withDevice(async ({ start, warnings }) => {
    assert.deepEqual(await start("docker"), ["docker", "process"]);
    assert.deepEqual(warnings, ["no Docker Engine answers yet"]);
  }));
