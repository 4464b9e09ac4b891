// `fleet completion`: the completion script of a shell.
import { Argument, Command } from "commander";
import type { Cli } from "#hub/cli/cli.ts";
import { type Shell, scripts, shells } from "#hub/cli/completion/scripts.ts";
import { examples } from "#hub/cli/options.ts";

export function completionVerb(cli: Cli): Command {
  return new Command("completion")
    .description("Print the completion script of a shell. It completes verbs, options and names.")
    .addArgument(new Argument("<shell>", "which shell").choices([...shells]))
    .addHelpText(
      "after",
      examples(
        ["source <(fleet completion bash)", "in ~/.bashrc"],
        ["source <(fleet completion zsh)", "in ~/.zshrc, after compinit"],
        ["fleet completion fish | source", "in ~/.config/fish/config.fish"],
      ),
    )
    .action((shell: Shell) => cli.terminal.out(scripts[shell]));
}
