// Opens the journal whatever has become of its file: checks it, rebuilds it, or does without a disk.
import { existsSync } from "node:fs";
import { basename } from "node:path";
import { asFleetError, type FleetError } from "#shared/errors.ts";
import { damageMark, setAside } from "./aside.ts";
import { awaitDisk } from "./comeback.ts";
import type { Core } from "./core.ts";
import { inMemory } from "./database.ts";
import { examine } from "./examine.ts";
import { type JournalOptions, openJournal } from "./open.ts";
import type { Journal } from "./port.ts";
import { defaultLimits } from "./prune.ts";
import { createShadow, readShadow, shadowFile, sweepShadows } from "./shadow.ts";
import type { JournalState, Verify } from "./state.ts";
import { damageIn } from "./unusable.ts";

/** 256 MB take an SD card some ten seconds. */
const longestCheckMs = 120_000;

export interface RecoverOptions extends JournalOptions {
  /** The desired state in an envelope, once its signature holds under a pinned key. */
  verify: Verify;
  /** Of the check; 120 s unless told. After it the file is opened as it is. */
  checkLimitMs?: number;
  /** The journal is in memory because of its disk, and the disk is well again; called once. The next start
   *  keeps it there, so the process should end. */
  onBack?: () => void;
  /** For the log: what is not in the journal, or may not stay there. */
  warn: (message: string) => void;
}

interface Found {
  shadow: { state?: JournalState; problem?: string };
  damage?: string;
  /** The name under which the damaged file is kept. */
  aside?: string;
}

/** The caller holds the lock of the data directory. Never throws for what is wrong with the file or its disk:
 *  the journal is then `volatile`. */
export async function recoverJournal(options: RecoverOptions): Promise<Journal> {
  const shadow = await readShadow(shadowFile(options.file));
  if (shadow.problem !== undefined) options.warn(`the journal's state.json ${shadow.problem}`);
  try {
    const damage = await findDamage(options);
    return openOnDisk(
      options,
      damage === undefined ? { shadow } : putAside(options, shadow, damage),
    );
  } catch (thrown) {
    const error = asFleetError(thrown);
    if (error.code !== "journal_unusable") throw thrown;
    options.warn(error.sentence);
    return openInMemory(options, shadow, error);
  }
}

async function findDamage({
  file,
  clock,
  checkLimitMs: limitMs = longestCheckMs,
  warn,
}: RecoverOptions) {
  await sweepShadows(shadowFile(file)).catch(() => undefined);
  const mark = damageMark(file);
  if (mark !== undefined) return mark;
  const finding = await examine({ file, check: "quick_check", clock, limitMs });
  if (finding.is === "damaged") return finding.what;
  if (finding.is === "unclear") warn(`the journal was not checked: ${finding.why}`);
  const isOrphaned = finding.is === "absent" && existsSync(`${file}-wal`);
  return isOrphaned ? "its main file is gone" : undefined;
}

function putAside(
  { file, limits }: RecoverOptions,
  shadow: Found["shadow"],
  damage: string,
): Found {
  const aside = setAside(file, (limits ?? defaultLimits).maxBytes);
  return { shadow, damage, ...(aside === undefined ? {} : { aside }) };
}

/** A file may pass the check and still hold what no journal has written; that shows when it is opened. */
function openOnDisk(options: RecoverOptions, found: Found): Journal {
  const shadow = createShadow(shadowFile(options.file), (error) =>
    options.warn(`the journal's state.json cannot be written: ${asFleetError(error).message}`),
  );
  const begin = (core: Core, isNew: boolean): void => beginWith(core, isNew, found, options);
  try {
    return openJournal({ ...options, isChecked: true, shadow, begin });
  } catch (error) {
    const damage = damageIn(error);
    if (damage === undefined || found.damage !== undefined) throw error;
    return openOnDisk(options, putAside(options, found.shadow, damage));
  }
}

function openInMemory(
  options: RecoverOptions,
  { state }: Found["shadow"],
  volatile: FleetError,
): Journal {
  const begin = ({ state: empty, calls }: Core): void => {
    const back = state === undefined ? "nothing" : empty.restore(state, options.verify);
    const message = `${volatile.sentence}: the journal is kept in memory until the next start; from state.json came ${back}`;
    calls.append(warning("JournalVolatile", message));
  };
  const journal = openJournal({ ...options, file: inMemory, volatile, begin });
  const { file, clock, onBack } = options;
  if (onBack === undefined) return journal;
  const { close } = journal;
  const stop = awaitDisk({ file, clock, onBack });
  return Object.assign(journal, {
    close: () => {
      stop();
      close();
    },
  });
}

function beginWith(core: Core, isNew: boolean, found: Found, options: RecoverOptions): void {
  const { state } = found.shadow;
  const entry = isNew ? refill(core, found, options) : catchUp(core, state, options);
  if (entry === undefined) return;
  core.calls.append(entry);
  options.warn(entry.body.message);
}

function refill(core: Core, { shadow, damage, aside }: Found, { verify }: RecoverOptions) {
  const { state, problem } = shadow;
  if (damage === undefined && state === undefined && problem === undefined) return undefined;
  const kept = aside === undefined ? "" : ` and is kept as ${basename(aside)}`;
  const what = damage === undefined ? "was lost" : `was damaged (${damage})${kept}`;
  const nothing = problem === undefined ? "nothing was kept beside it" : `state.json ${problem}`;
  const back =
    state === undefined ? nothing : `from state.json came ${core.state.restore(state, verify)}`;
  return warning("JournalRebuilt", `the journal ${what}; a new one has begun: ${back}`);
}

/** The shadow never counts an entry that the database did not have. One that knows of more entries tells that the database has
 *  lost some: its -wal was removed, or the disk had confirmed what it never wrote. */
function catchUp(core: Core, state: JournalState | undefined, { verify }: RecoverOptions) {
  const { epoch, seq } = core.state.read();
  if (state === undefined || state.epoch !== epoch || state.seq <= seq) return undefined;
  core.startEpoch();
  const back = core.state.restore(state, verify);
  const message = `the journal has lost its entries from ${seq + 1} to ${state.seq} or more; a new epoch has begun: from state.json came ${back}`;
  return warning("JournalRolledBack", message);
}

function warning(reason: string, message: string) {
  return { kind: "event", body: { type: "Warning", reason, message } } as const;
}
