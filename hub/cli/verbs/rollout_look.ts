// `fleet rollout list`, `status` and `preview`: how releases move, and what one would do.
import { type Command, Option } from "commander";
import type { Cli, ConnectionOptions } from "#hub/cli/cli.ts";
import { count, durationOption, examples, outputOption, verbCommand } from "#hub/cli/options.ts";
import { type Output, printStructured } from "#hub/cli/output/output.ts";
import { rollouts } from "#hub/cli/resources/rollouts.ts";
import { deploymentNamed } from "#hub/cli/resources/unknown.ts";
import { printRollout } from "#hub/cli/views/rollout_page.ts";
import { printPreview } from "#hub/cli/views/rollout_preview.ts";
import { rolloutStates } from "#hub/rollout/advance/model.ts";
import { asFleetError } from "#shared/errors.ts";
import { printList } from "./listing.ts";
import { followRollout, look } from "./rollout_follow.ts";
import { rolloutNamed } from "./rollout_name.ts";

interface ListOptions extends ConnectionOptions {
  output: Output;
  state?: string;
  limit: number;
  headers: boolean;
}

export function listCommand(cli: Cli): Command {
  return verbCommand("list", "List rollouts, newest first.")
    .argument("[deployment]", "only of this deployment")
    .addOption(new Option("--state <state>", "only in this state").choices(rolloutStates))
    .option("--limit <n>", "no more than n", count, 20)
    .option("--no-headers", "no line of titles")
    .addOption(outputOption())
    .addHelpText(
      "after",
      examples(
        ["fleet rollout list robots", "of one deployment"],
        ["fleet rollout list --state Halted", "what wants a person"],
      ),
    )
    .action(async (deployment: string | undefined, options: ListOptions) => {
      const { output, state, limit, headers, ...connection } = options;
      const query = { deployment, state, limit: Math.min(limit, 500) };
      const listing = { names: [], query, output, headers };
      await printList(cli, await cli.connect(connection), rollouts, listing);
    });
}

interface StatusOptions extends ConnectionOptions {
  output: Output;
  watch?: true;
  timeout?: number;
}

export function statusCommand(cli: Cli): Command {
  const timeout = durationOption("--timeout", "with --watch: how long", "0");
  timeout.default(undefined, "until it is over");
  return verbCommand("status", "Show one rollout on a page, or follow it to its end.")
    .argument("<name>", "a deployment, for its newest rollout, or a rollout's number")
    .option("-w, --watch", "follow it: drawn on a terminal, one line per change elsewhere")
    .addOption(timeout)
    .addOption(outputOption())
    .addHelpText("after", statusHelp)
    .action(async (name: string, { output, watch, timeout: ms, ...connection }: StatusOptions) => {
      const client = await cli.connect(connection);
      const id = await rolloutNamed(client, name);
      if (watch === true) return followRollout(cli, client, id, { output, timeout: ms });
      const { view, members } = await look(client, id);
      if (await printStructured(cli.terminal, output, { ...view, members })) return;
      if (output.kind === "name") return cli.terminal.out(`rollout/${id}`);
      const isWide = output.kind === "wide";
      printRollout(cli.terminal, { view, members, isWide, now: cli.clock.now() });
    });
}

const statusHelp = `
With --watch the exit code is 0 when it is promoted, 1 when it halted, was undone or superseded, and
6 when --timeout is over.
${examples(
  ["fleet rollout status robots", "the newest rollout of a deployment"],
  ["fleet rollout status robots -w", "until it is over"],
  ["fleet rollout status 7 -o wide", "with every device"],
)}`;

interface PreviewOptions extends ConnectionOptions {
  output: Output;
  commit?: string;
}

export function previewCommand(cli: Cli): Command {
  return verbCommand("preview", "Show what a commit would do to a deployment before it moves.")
    .argument("<deployment>", "whose devices are looked at")
    .option("--commit <commit>", "of the deployment's branch, whole; default: the accepted one")
    .addOption(outputOption())
    .addHelpText(
      "after",
      examples(
        ["fleet rollout preview robots", "what its devices lack yet"],
        ["fleet rollout preview robots --commit $(git rev-parse HEAD)", "a commit that was pushed"],
      ),
    )
    .action(async (deployment: string, { output, commit, ...connection }: PreviewOptions) => {
      const client = await cli.connect(connection);
      const preview = await client.rollouts.preview(deployment, commit).catch(async (error) => {
        // Only now, since a commit may be what is not there.
        if (asFleetError(error).code === "not_found") await deploymentNamed(client, deployment);
        throw error;
      });
      if (await printStructured(cli.terminal, output, preview)) return;
      if (output.kind !== "name") return printPreview(cli.terminal, preview);
      for (const { device } of preview.devices) cli.terminal.out(`device/${device}`);
    });
}
