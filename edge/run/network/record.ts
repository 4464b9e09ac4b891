// What is written down about one change of the network, for the agent and its guard alike.
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
} from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { errnoOf, writeFileAtomicSync } from "#shared/files.ts";

/** After that many tries the next ones leave the device time to reach its hub with what it has, and another
 *  change may give the former settings up. */
export const quickTries = 12;

export const ChangeRecord = z.object({
  command: z.array(z.string()).min(1),
  /** What the command said of the settings before the change. */
  former: z.string(),
  /** In another boot it is too late. */
  bootId: z.string(),
  bootIdFile: z.string().exactOptional(),
  /** Ms since that boot. */
  deadlineMs: z.number(),
  /** Ms between two tries of putting back what was. */
  againMs: z.number().exactOptional(),
});
export type ChangeRecord = z.infer<typeof ChangeRecord>;

/** Who has claimed the change: it can be claimed once. */
export type Claim = "confirmed" | "returned";

export interface ChangeFiles {
  read(): ChangeRecord | undefined;
  keep(record: ChangeRecord): void;
  /** Needs no room on the disk.
   *  @returns who has it: the first to claim it */
  claim(claim: Claim): Claim;
  claimed(): Claim | undefined;
  /** The agent wants the former settings back now. */
  askBack(): void;
  isAskedBack(): boolean;
  /** The former settings are back. */
  noteBack(): void;
  isBack(): boolean;
  noteTrouble(trouble: Trouble): void;
  trouble(): Trouble | undefined;
  /** The guard is about to put back what was. Said before it looks whether it still may. */
  beginTry(): void;
  endTry(): void;
  isTrying(): boolean;
  /** The guard may begin no other try; asked before the agent looks whether one is under way. */
  askToLeave(): void;
  /** Unless it is settled already. */
  takeBackAsking(): void;
  isAskedToLeave(): boolean;
  /** The device goes on with what it has. */
  noteLeft(): void;
  isLeft(): boolean;
  /** Holds the guard's identity. */
  guardFile: string;
  /** Holds that of the command that applies the change. */
  applyFile: string;
}

const Trouble = z.object({ tries: z.number().int(), message: z.string() });
export type Trouble = z.infer<typeof Trouble>;

export function changeFiles(directory: string): ChangeFiles {
  const at = (name: string): string => join(directory, name);
  const write = (name: string, text: string): void => writeFileAtomicSync(at(name), text, 0o600);
  const claimed = (): Claim | undefined => readText(at("claim")) as Claim | undefined;
  /** A link needs no room on the disk. */
  const mark = (name: string): void => {
    if (!existsSync(at(name))) linkSync(at("returned"), at(name));
  };
  return {
    read: () => readJson(at("change.json"), ChangeRecord),
    keep: (record) => {
      for (const claim of ["confirmed", "returned"]) write(claim, claim);
      write("change.json", JSON.stringify(record));
    },
    claim: (claim) => {
      try {
        // A link, since it fails where a rename would replace the other one's claim.
        linkSync(at(claim), at("claim"));
        const handle = openSync(directory, "r");
        fsyncSync(handle);
        closeSync(handle);
      } catch (error) {
        if (errnoOf(error) !== "EEXIST") throw error;
      }
      return claimed() ?? claim;
    },
    claimed,
    askBack: () => write("ask-back", ""),
    isAskedBack: () => readText(at("ask-back")) !== undefined,
    noteBack: () => write("back", ""),
    isBack: () => readText(at("back")) !== undefined,
    noteTrouble: (trouble) => write("trouble.json", JSON.stringify(trouble)),
    trouble: () => readJson(at("trouble.json"), Trouble),
    beginTry: () => mark("trying"),
    endTry: () => rmSync(at("trying"), { force: true }),
    isTrying: () => existsSync(at("trying")),
    askToLeave: () => mark("leaving"),
    takeBackAsking: () => rmSync(at("leaving"), { force: true }),
    isAskedToLeave: () => existsSync(at("leaving")) || existsSync(at("left")),
    noteLeft: () => renameSync(at("leaving"), at("left")),
    isLeft: () => existsSync(at("left")),
    guardFile: at("guard.json"),
    applyFile: at("apply.json"),
  };
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

function readJson<T>(file: string, schema: z.ZodType<T>): T | undefined {
  const text = readText(file);
  return text === undefined ? undefined : schema.parse(JSON.parse(text));
}
