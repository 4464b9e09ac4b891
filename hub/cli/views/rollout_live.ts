// A rollout as it goes on: a picture that is drawn over itself on a terminal, one line per change elsewhere.
import type { RolloutDevice, RolloutView } from "#hub/api/rollout_view.ts";
import { shortDuration } from "#hub/cli/terminal/age.ts";
import type { Terminal } from "#hub/cli/terminal/terminal.ts";
import { fit, pad, printable } from "#hub/cli/terminal/text.ts";
import {
  bar,
  countsInWords,
  memberTone,
  rolloutTone,
  stepCounts,
  tellingDevices,
} from "./rollout_words.ts";

export interface Moment {
  view: RolloutView;
  members: readonly RolloutDevice[];
}

export interface Live {
  show(moment: Moment): void;
  /** Something else was written below the picture: the next one begins below that. */
  leave(): void;
}

type Screen = Pick<Terminal, "out" | "paint" | "width" | "height" | "isInteractive">;

/** A terminal that cannot move its cursor gets lines. */
export function createLive(terminal: Screen, env: NodeJS.ProcessEnv, now: () => number): Live {
  return terminal.isInteractive && env["TERM"] !== "dumb"
    ? drawn(terminal, now)
    : told(terminal, now);
}

const shownDevices = 10;
const barCells = 40;

function drawn(terminal: Screen, now: () => number): Live {
  let height = 0;
  return {
    leave: () => {
      height = 0;
    },
    show: (moment) => {
      // The cursor cannot go above the first row, and stands on the row below the picture.
      const room = Math.max(1, (terminal.height ?? Infinity) - 1);
      const lines = picture(moment, terminal, now()).slice(0, room);
      // Up over the picture before, which is erased with all that is below.
      const back = height === 0 ? "" : `\u001B[${height}A\u001B[J`;
      terminal.out(back + lines.join("\n"));
      height = lines.length;
    },
  };
}

/** Lines that fit the terminal, so that each is one row. */
function picture({ view, members }: Moment, terminal: Screen, now: number): string[] {
  const { paint, width = 80 } = terminal;
  const row = (text: string): string => fit(printable(text), width - 1);
  const head = `Rollout ${view.id} of ${view.deployment}  step ${view.step} of ${view.steps}  ${view.branch} ${view.commit.slice(0, 7)}  ${shortDuration(now - view.beganAt)}`;
  const steps = stepCounts(view, members);
  const room = Math.max(0, ...steps.map(({ name }) => name.length));
  const telling = tellingDevices(members);
  const more = telling.length - shownDevices;
  return [
    paint(row(head), "bold"),
    paint(row(stateText(view)), rolloutTone(view.state)),
    bar(view.devices, Math.min(barCells, width - 1), paint),
    row(countsInWords(view.devices)),
    ...steps.map(({ name, counts, isNow }, at) => {
      const sizes = Object.keys(counts).length === 0 ? "" : countsInWords(counts);
      const line = row(`${isNow ? ">" : " "} ${at + 1}  ${pad(name, room)}  ${sizes}`);
      return paint(line, isNow ? "busy" : undefined);
    }),
    ...telling
      .slice(0, shownDevices)
      .map((one) => paint(row(`    ${deviceText(one)}`), memberTone(one.state))),
    ...(more > 0 ? [paint(row(`    … and ${more} more`), "dim")] : []),
  ];
}

function stateText({ state, waitsFor, operator, reason }: RolloutView): string {
  const by = operator === null ? "" : ` (${operator}: ${reason ?? ""})`;
  return waitsFor === null ? `${state}${by}` : `${state}, waits for ${waitsFor}`;
}

function deviceText({ device, state, reason }: RolloutDevice): string {
  return reason === null ? `${device}  ${state}` : `${device}  ${state}: ${reason}`;
}

function told(terminal: Screen, now: () => number): Live {
  const states = new Map<string, string>();
  let before = "";
  const say = (text: string): void => {
    const time = new Date(now()).toISOString().slice(11, 19);
    terminal.out(`${time}  ${printable(text)}`);
  };
  return {
    leave: () => undefined,
    show: ({ view, members }) => {
      const isFirst = before === "";
      for (const one of members) {
        const text = deviceText(one);
        if (!isFirst && states.get(one.device) !== text) say(text);
        states.set(one.device, text);
      }
      const counts = countsInWords(view.devices);
      const line = `rollout ${view.id} of ${view.deployment}  step ${view.step} of ${view.steps}  ${stateText(view)}  ${counts}`;
      if (line !== before) say(line);
      before = line;
    },
  };
}
