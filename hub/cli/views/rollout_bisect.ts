// A bisect on one page: the commits with their verdicts, the canaries, and the answer.
import type { BisectView } from "#hub/api/bisect.ts";
import { shortId } from "#hub/cli/resources/resource.ts";
import { shortDuration } from "#hub/cli/terminal/age.ts";
import type { Tone } from "#hub/cli/terminal/colour.ts";
import type { Column } from "#hub/cli/terminal/table.ts";
import type { Terminal } from "#hub/cli/terminal/terminal.ts";
import type { BisectState, Verdict } from "#hub/rollout/bisect/model.ts";
import { createPage } from "./page.ts";
import { memberTone } from "./rollout_words.ts";

const stateTones: Readonly<Record<BisectState, Tone>> = {
  Testing: "busy",
  Found: "good",
  Inconclusive: "bad",
  Cancelled: "dim",
};

const verdictTones: Readonly<Record<Verdict, Tone>> = {
  good: "good",
  bad: "bad",
  untested: "dim",
  skipped: "dim",
};

export function printBisect(
  terminal: Pick<Terminal, "out" | "paint" | "width">,
  view: BisectView,
  now: number,
): void {
  const { out, paint } = terminal;
  const page = createPage(terminal);
  const title = `Bisect of rollout ${view.rollout} of ${view.deployment}`;
  out(`${paint(title, "bold")}  ${paint(view.state, stateTones[view.state])}`);
  page.line("Answer", view.outcome ?? undefined, stateTones[view.state]);
  page.line("Tests left", view.state === "Testing" ? `${view.testsLeft} at most` : undefined);
  page.line("Waits for", view.waitsFor ?? undefined, "busy");
  page.line(
    "Began",
    `${shortDuration(now - view.beganAt)} ago by ${view.operator}: ${view.reason}`,
  );
  page.heading(`Commits of ${view.branch}, oldest first`);
  page.table(commitColumns(view), view.commits);
  page.heading("Canaries");
  page.table(canaryColumns, view.canaries);
}

type Commit = BisectView["commits"][number];

function commitColumns({ testing, culprit }: BisectView): Column<Commit>[] {
  const mark = ({ commit }: Commit): string => {
    if (commit === culprit?.commit) return "first bad";
    return commit === testing ? "testing" : "";
  };
  return [
    { title: "COMMIT", text: ({ commit }) => shortId(commit) },
    {
      title: "VERDICT",
      text: ({ verdict }) => verdict,
      tone: ({ verdict }) => verdictTones[verdict],
    },
    { title: "NOW", text: mark, tone: () => "busy" },
    { title: "AUTHOR", text: ({ author }) => author, atLeast: 8 },
    { title: "SUBJECT", text: ({ subject }) => subject, atLeast: 16 },
    { title: "WHY", text: ({ why }) => why ?? "", atLeast: 10 },
  ];
}

const canaryColumns: Column<BisectView["canaries"][number]>[] = [
  { title: "DEVICE", text: ({ device }) => device },
  { title: "STATE", text: ({ state }) => state, tone: ({ state }) => memberTone(state) },
  { title: "WHY", text: ({ reason }) => reason ?? "", atLeast: 16 },
];
