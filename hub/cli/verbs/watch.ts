// `fleet watch`: every change that the hub tells of, as it happens.
import { type Command, Option } from "commander";
import type { DeviceSummary } from "#hub/api/device_view.ts";
import type { WatchMessage } from "#hub/cli/api/stream.ts";
import type { Cli, ConnectionOptions } from "#hub/cli/cli.ts";
import { examples, selectorOption, verbCommand } from "#hub/cli/options.ts";
import { jsonLine } from "#hub/cli/output/output.ts";
import { generation, whyOf } from "#hub/cli/resources/devices.ts";
import { deviceName } from "#hub/cli/resources/names.ts";
import { shortId } from "#hub/cli/resources/resource.ts";
import { requireDevices } from "#hub/cli/resources/unknown.ts";
import { type Tone, toneOf } from "#hub/cli/terminal/colour.ts";
import { fit, printable } from "#hub/cli/terminal/text.ts";

interface Options extends ConnectionOptions {
  selector?: string;
  device?: string;
  output: "text" | "json";
}

export function watchVerb(cli: Cli): Command {
  return verbCommand("watch", "Show changes of devices, events and branches as they happen.")
    .addOption(selectorOption())
    .option("--device <name>", "only this device", deviceName)
    .addOption(
      new Option("-o, --output <form>", "text, or one JSON object per line")
        .choices(["text", "json"])
        .default("text"),
    )
    .addHelpText(
      "after",
      `\nA broken connection is made again, and missed events are shown then. Ends with Ctrl-C.\n${examples(
        ["fleet watch -l site=north", "one site"],
        ["fleet watch -o json | jq .data.reason", "for programs"],
      )}`,
    )
    .action((options: Options) => watch(cli, options));
}

async function watch(cli: Cli, options: Options): Promise<void> {
  const { terminal } = cli;
  const client = await cli.connect(options);
  const { selector, device, output } = options;
  if (device !== undefined) await requireDevices(client, [device]);
  const query = {
    ...(selector === undefined ? {} : { labelSelector: selector }),
    ...(device === undefined ? {} : { device }),
  };
  for await (const message of client.watch(query, new AbortController().signal)) {
    if (output === "json") terminal.out(jsonLine(message));
    else printText(cli, message);
  }
}

function printText({ terminal, clock }: Cli, message: WatchMessage): void {
  if (message.event === "ready") {
    terminal.say("Watching. End with Ctrl-C.");
    return;
  }
  if (message.event === "resync") {
    terminal.say("Much changed at once: see fleet get devices.");
    return;
  }
  const { what, text, tone } = sentenceOf(message);
  const time = new Date(clock.now()).toISOString().slice(11, 19);
  const head = `${time}  ${what.padEnd(8)}`;
  const room = terminal.width === undefined ? Infinity : terminal.width - head.length;
  terminal.out(terminal.paint(head, "dim") + terminal.paint(fit(printable(text), room), tone));
}

interface Sentence {
  what: string;
  text: string;
  tone: Tone | undefined;
}

type Change = Exclude<WatchMessage, { event: "ready" | "resync" }>;

function sentenceOf(change: Change): Sentence {
  switch (change.event) {
    case "device":
      return { what: "device", ...deviceSentence(change.data) };
    case "event": {
      const { device, app, reason, message, type } = change.data;
      const who = [device, app].filter(Boolean).join("/") || "hub";
      return { what: "event", text: `${who}  ${reason}: ${message}`, tone: toneOf(type) };
    }
    case "branch": {
      const { branch, head, refusal } = change.data;
      const outcome = refusal === null ? "accepted" : `refused: ${refusal}`;
      const tone = toneOf(refusal === null ? "Synced" : "refused");
      return { what: "branch", text: `${branch}  ${shortId(head)} ${outcome}`, tone };
    }
  }
}

function deviceSentence(device: DeviceSummary): Omit<Sentence, "what"> {
  const { id, connection, sync, health } = device;
  const steps = device.apps.flatMap(({ name, step }) =>
    step === undefined ? [] : `${name}: ${step}`,
  );
  const words = [id, connection, sync, health, `generation ${generation(device)}`, ...steps];
  const cause = whyOf(device);
  const why = steps.includes(cause) ? "" : cause;
  const tone = [connection, health, sync].map(toneOf).find((one) => one !== "good") ?? "good";
  return { text: [...words, ...(why === "" ? [] : [why])].join("  "), tone };
}
