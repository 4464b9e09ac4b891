// Comes into the middle of an update, so that what a fault does falls there, and not before or after it.
import type { Release } from "./device.ts";
import type { Trial } from "./fault.ts";
import { localStatus } from "./local_page.ts";
import { NotStruck } from "./miss.ts";
import { pause, until } from "./until.ts";

const beginningMs = 60_000;
const lookMs = 25;
/** Shorter than most updates take; one that is over by then is followed by another. */
const longestMs = 900;
const updates = 5;

/** The device's update to it is under way, at a stage that the note names, when this returns.
 *  @param stages none but these */
export async function midUpdate(
  { device, random, note }: Trial,
  stages?: ReadonlySet<string>,
): Promise<Release> {
  const stageOf = async (): Promise<string | undefined> => {
    const stage = (await localStatus(device)).running?.[0]?.stage;
    return stage === undefined || stages === undefined || stages.has(stage) ? stage : undefined;
  };
  for (let made = 0; made < updates; made += 1) {
    const release = await device.release("good");
    // It may be over before it was seen.
    const begun = async (): Promise<boolean> =>
      (await stageOf()) !== undefined || (await device.served()) === release.version;
    await until("an update begins", begun, { limitMs: beginningMs, pauseMs: lookMs });
    await pause(random.between(0, longestMs));
    const stage = await stageOf();
    if (stage !== undefined) {
      note(`at ${stage}`);
      return release;
    }
    await device.converged(release);
  }
  throw new NotStruck("each update was over too soon");
}
