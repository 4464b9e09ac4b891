// Comes into the middle of an update, so that what a fault does falls there, and not before or after it.
import type { Device, Release } from "./device.ts";
import type { Trial } from "./fault.ts";
import { localStatus } from "./local_page.ts";
import { notSurvived, pause, until } from "./until.ts";

const beginningMs = 30_000;
const lookMs = 25;
/** Shorter than most updates take; one that is over by then is followed by another. */
const longestMs = 900;
const updates = 5;

/** The device's update to it is under way, at a stage that the note names, when this returns. */
export async function midUpdate({ device, random, note }: Trial): Promise<Release> {
  for (let made = 0; made < updates; made += 1) {
    const release = await device.release("good");
    const begun = async (): Promise<boolean> => (await stageOf(device)) !== undefined;
    await until("an update begins", begun, { limitMs: beginningMs, pauseMs: lookMs });
    await pause(random.between(0, longestMs));
    const stage = await stageOf(device);
    if (stage !== undefined) {
      note(`at ${stage}`);
      return release;
    }
    await device.converged(release);
  }
  throw notSurvived("each update was over too soon");
}

async function stageOf(device: Device): Promise<string | undefined> {
  return (await localStatus(device)).running?.[0]?.stage;
}
