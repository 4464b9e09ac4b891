// Help on what belongs to no verb.
import { type ExitName, exitCodes, exitMeanings } from "./exit.ts";

export const topics: Record<string, () => string> = {
  "exit-codes": () =>
    `Exit codes\n\n${(Object.keys(exitCodes) as ExitName[])
      .map((name) => `  ${String(exitCodes[name]).padStart(3)}  ${exitMeanings[name]}`)
      .join("\n")}`,
  jsonpath: () => jsonpathHelp,
  environment: () => environmentHelp,
};

const jsonpathHelp = `JSONPath: -o jsonpath=TEMPLATE, the part of kubectl's that is listed here

  text {path} text          text with what the path leads to; several results are parted by a space
  {"\\n"} {"\\t"}             a line break, a tab
  {range path}…{end}        the text between, once for each result; paths in it begin at the result
  .name ['name']            a field; quotes for names with dots
  [0] [-1] [1:3]            an item, the last one, items 1 and 2
  [*] .*                    all items or fields
  [?(@.sync=="Synced")]     items for which it holds: == != < <= > >=, or a path alone: it is there
  $                         the whole, also within a range

Lists have their things in .items; one named thing stands for itself. What is not there is empty.
Not supported: descent (..), unions ([a,b]), steps in slices, and functions.

  fleet get devices -o jsonpath='{range .items[?(@.sync!="Synced")]}{.id}{"\\n"}{end}'`;

const environmentHelp = `Environment

  FLEET_HUB        address of the hub, instead of the current context
  FLEET_TOKEN      token for it. A context's token is sent to no other hub than its own.
  XDG_CONFIG_HOME  contexts are kept in metrica-fleet/config.json below it (default: ~/.config)
  XDG_CACHE_HOME   compiled modules lie in metrica-fleet below it (default: ~/.cache), where they
                   cannot lie beside the code
  NO_COLOR         no colours
  FORCE_COLOR      colours in pipes too; 0: none
  FLEET_DEBUG      1: more words about unexpected errors`;
