// The completion scripts: each asks `fleet __complete` for what can stand at the cursor.

export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

export const scripts: Record<Shell, string> = {
  bash: `_fleet() {
  local IFS=$'\\n'
  COMPREPLY=($(fleet __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _fleet fleet`,
  zsh: `#compdef fleet
_fleet() {
  local -a found
  found=("\${(@f)$(fleet __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  compadd -- $found
}
compdef _fleet fleet`,
  fish: `function __fleet_complete
  set -l words (commandline -opc) (commandline -ct)
  fleet __complete -- $words[2..-1] 2>/dev/null
end
complete -c fleet -f -a '(__fleet_complete)'`,
};
