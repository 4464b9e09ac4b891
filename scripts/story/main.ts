// Lives through a rollout that halts by itself, with the real hub and command and simulated devices, and writes it down.
import { writeFile } from "node:fs/promises";
import { fleetFiles, goodThenBad, models } from "./fleet.ts";
import { broken, type Line, plain, type Shown, show } from "./screen.ts";
import { draw } from "./svg.ts";
import { createStoryWorld } from "./world.ts";

const columns = 100;
const [picture, transcript] = process.argv.slice(2);
const leftOut: Line = [{ text: "[…]", code: "2" }];

if (picture === undefined || transcript === undefined) {
  process.stderr.write("usage: node scripts/run.mjs scripts/story/main.ts PICTURE.svg TEXT.txt\n");
  process.exitCode = 1;
} else {
  const { told, drawn } = await live();
  const title = "A rollout that halts by itself, the search for its first bad commit, and the undo";
  const rows = drawn.flatMap((line) => broken(line, columns));
  await writeFile(picture, draw(rows, columns, title));
  await writeFile(transcript, `${told.map(plain).join("\n")}\n`);
}

interface Story {
  /** Everything. */
  told: Line[];
  /** What is worth a picture. */
  drawn: Line[];
}

async function live(): Promise<Story> {
  const world = await createStoryWorld({ files: fleetFiles, devices: 40, models });
  const story: Story = { told: [], drawn: [] };
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => void world.stop().finally(() => process.exit(1)));
  }
  /** @param drawn what of it the picture shows; absent for nothing */
  const tell = async (command: string, told: Cut, drawn?: Cut): Promise<void> => {
    const shown = show(await world.type(command));
    const prompt: Line = [
      { text: "$ ", code: "32" },
      { text: command, code: "1" },
    ];
    story.told.push(prompt, ...told(shown), []);
    if (drawn !== undefined) story.drawn.push(prompt, ...drawn(shown), []);
    process.stderr.write(`${told(shown).map(plain).join("\n")}\n`);
  };
  try {
    for (const { subject, files } of goodThenBad) world.commit(subject, files);
    await tell("git log --oneline --no-decorate origin/main..", all);
    await tell("git push --quiet origin HEAD:review && fleet sync", all);
    await tell("fleet rollout preview robots --commit $(git rev-parse HEAD)", head(9));
    await tell("git push --quiet && fleet sync", all);
    await tell("fleet rollout status robots -w", steps, steps);
    await tell("fleet rollout status robots", head(19), after("What the devices", 4));
    await tell("fleet rollout bisect robots --reason 'who broke it?' -w", all, head(8));
    await tell("fleet rollout undo robots --reason 'fails on the Pi 3' --yes", all, all);
    await tell("fleet pins", all, all);
    return story;
  } finally {
    await world.stop();
  }
}

type Cut = (shown: Shown) => Line[];

function all({ lines }: Shown): Line[] {
  return lines;
}

function head(count: number): Cut {
  return ({ lines }) => (lines.length <= count ? lines : [...lines.slice(0, count), leftOut]);
}

/** So many lines from the one that begins with the words. */
function after(words: string, count: number): Cut {
  return ({ lines }) => {
    const from = lines.findIndex((line) => plain(line).startsWith(words));
    return [leftOut, ...head(count)({ lines: lines.slice(from), pictures: [] })];
  };
}

/** Of a picture that is drawn over each second: how it stood last at each step, and the end. */
function steps({ lines, pictures }: Shown): Line[] {
  const last = new Map<string, Line[]>();
  for (const picture of pictures) {
    const step = / step \d+ /.exec(plain(picture[0] ?? []))?.[0];
    if (step !== undefined) last.set(step, picture);
  }
  const before = [...last.values()].slice(0, -1);
  return [...before.flatMap((picture) => [...picture, []]), ...lines];
}
