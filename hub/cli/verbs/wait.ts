// `fleet wait`: ends when devices are in a state, or when the time is over.
import type { Command } from "commander";
import type { DeviceView } from "#hub/api/device_view.ts";
import { type Client, collect } from "#hub/cli/api/client.ts";
import { deadlineIn } from "#hub/cli/api/deadline.ts";
import { insist } from "#hub/cli/api/insist.ts";
import type { WatchMessage } from "#hub/cli/api/stream.ts";
import { inTurns } from "#hub/cli/api/turns.ts";
import type { Cli, ConnectionOptions } from "#hub/cli/cli.ts";
import { exitCodes } from "#hub/cli/exit.ts";
import {
  argument,
  durationOption,
  examples,
  selectorOption,
  verbCommand,
} from "#hub/cli/options.ts";
import { whyOf } from "#hub/cli/resources/devices.ts";
import { deviceNames } from "#hub/cli/resources/names.ts";
import { noDeviceMatches, unknownDevices } from "#hub/cli/resources/unknown.ts";
import { printable } from "#hub/cli/terminal/text.ts";
import { type Goal, isReached, parseGoal } from "#hub/cli/views/goal.ts";
import { FleetError } from "#shared/errors.ts";

interface Options extends ConnectionOptions {
  for: Goal[];
  selector?: string;
  /** Ms. */
  timeout: number;
}

const goal = argument(parseGoal);

export function waitVerb(cli: Cli): Command {
  return verbCommand("wait", "Wait until devices are in a state.")
    .argument("[name...]", "the devices' names")
    .requiredOption("--for <goal>", "what must hold; given twice: both", goals)
    .addOption(selectorOption())
    .addOption(durationOption("--timeout", "how long; 0 looks once", "5m"))
    .addHelpText("after", help)
    .action((names: string[], options: Options) => wait(cli, names, options));
}

function goals(text: string, before: Goal[] | undefined): Goal[] {
  return [...(before ?? []), goal(text)];
}

const help = `
Goals: condition=TYPE[=STATUS] (Synced, Healthy, SafeMode, Provisioned, NeedsIntervention, …),
sync=…, health=…, connection=…, generation (the wanted one is observed), generation=N, create (the
device is enrolled). Exit code 6 when the time is over.
${examples(
  ["fleet wait pi-1 --for=create", "until it is enrolled"],
  ["fleet wait pi-1 pi-2 --for=condition=Healthy", "both"],
  ["fleet wait pi-1 --for=condition=NeedsIntervention=False", "it was mended"],
  ["fleet wait -l site=north --for=sync=Synced --for=health=Healthy --timeout 10m", "a site"],
)}`;

async function wait(cli: Cli, names: readonly string[], options: Options): Promise<void> {
  if ((names.length === 0) === (options.selector === undefined)) {
    throw new FleetError("request_invalid", {
      message: "wait takes either names or -l",
      hint: "For example: fleet wait pi-1 --for=condition=Healthy",
    });
  }
  const client = await cli.connect(options);
  const waiting = createWaiting(cli, client, options.for);
  for (const name of deviceNames(names)) waiting.expect(name);
  const { selector, timeout } = options;
  const find = (): Promise<void> =>
    selector === undefined ? waiting.lookAll() : waiting.lookSelected(selector);
  await find();
  if (waiting.left() > 0 && timeout > 0) {
    const query = selector === undefined ? {} : { labelSelector: selector };
    const signal = deadlineIn(timeout);
    const insistently = (act: () => Promise<unknown>) => insist(cli, signal, act);
    await waiting.follow(client.watch(query, signal), find, insistently);
  }
  if (waiting.left() === 0) return;
  waiting.tellLeft();
  cli.end(exitCodes.late);
}

function createWaiting({ terminal }: Cli, client: Client, wanted: readonly Goal[]) {
  const expected = new Map<string, DeviceView | undefined>();
  const reached = new Set<string>();
  const mayBeMissing = wanted.some(({ kind }) => kind === "create");

  const look = async (id: string): Promise<string[]> => {
    const device = await client.findDevice(id);
    expected.set(id, device);
    if (device === undefined) return mayBeMissing ? [] : [id];
    if (!wanted.every((one) => isReached(one, device))) return [];
    expected.delete(id);
    reached.add(id);
    terminal.out(`device/${id} is as waited for`);
    return [];
  };
  const lookAll = async (): Promise<void> => {
    const missing = (await inTurns([...expected.keys()], look)).flat();
    if (missing.length > 0) throw await unknownDevices(client, missing);
  };
  return {
    expect: (id: string) => void expected.set(id, undefined),
    left: () => expected.size,
    lookAll,
    lookSelected: async (labelSelector: string): Promise<void> => {
      const devices = await collect(client.devices({ labelSelector }));
      terminal.progress(undefined);
      if (devices.length + reached.size === 0) throw noDeviceMatches(labelSelector);
      for (const { id } of devices) if (!reached.has(id)) expected.set(id, undefined);
      await lookAll();
    },
    follow: async (
      stream: AsyncIterable<WatchMessage>,
      find: () => Promise<void>,
      insistently: (act: () => Promise<unknown>) => Promise<unknown>,
    ): Promise<void> => {
      for await (const message of stream) {
        const isWhole = message.event === "ready" || message.event === "resync";
        if (isWhole) await insistently(find);
        else if (message.event === "device" && expected.has(message.data.id)) {
          await insistently(() => look(message.data.id));
        }
        if (expected.size === 0) return;
      }
    },
    tellLeft: () => {
      for (const [id, device] of expected) terminal.say(`${id}: ${printable(stateOf(device))}`);
      terminal.say(`Not reached in time: ${expected.size} of ${expected.size + reached.size}.`);
    },
  };
}

function stateOf(device: DeviceView | undefined): string {
  if (device === undefined) return "not enrolled";
  const { connection, sync, health, observedGeneration, desiredGeneration } = device;
  const generations = `generation ${observedGeneration} of ${desiredGeneration}`;
  return [connection, sync, health, generations, whyOf(device)].filter(Boolean).join(", ");
}
