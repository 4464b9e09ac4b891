// Colours, and whether they are wanted.

export type Tone = "good" | "busy" | "bad" | "dim" | "bold" | "cyan" | "magenta" | "blue";
export type Paint = (text: string, tone: Tone | undefined) => string;

const codes: Record<Tone, number> = {
  ...{ good: 32, busy: 33, bad: 31, dim: 2, bold: 1 },
  // For speakers, whose colours mean nothing.
  ...{ cyan: 36, magenta: 35, blue: 34 },
};

export function createPaint(wanted: boolean): Paint {
  return (text, tone) =>
    wanted && tone !== undefined && text !== "" ? `\u001B[${codes[tone]}m${text}\u001B[0m` : text;
}

/** NO_COLOR beats FORCE_COLOR, which beats what the stream is.
 *  @see https://no-color.org */
export function wantsColour(env: NodeJS.ProcessEnv, isTerminal: boolean): boolean {
  if ((env["NO_COLOR"] ?? "") !== "") return false;
  const forced = env["FORCE_COLOR"] ?? "";
  if (forced !== "") return forced !== "0" && forced !== "false";
  return isTerminal && env["TERM"] !== "dumb";
}

const tones: Record<string, Tone> = {
  Synced: "good",
  Healthy: "good",
  Online: "good",
  True: "good",
  succeeded: "good",
  OutOfSync: "busy",
  Progressing: "busy",
  Stale: "busy",
  running: "busy",
  Warning: "busy",
  hold: "busy",
  Degraded: "bad",
  Missing: "bad",
  Offline: "bad",
  False: "bad",
  failed: "bad",
  rolledBack: "bad",
  refused: "bad",
  safe: "bad",
  Unknown: "dim",
  Suspended: "dim",
  superseded: "dim",
};

/** The colour of a status word of the fleet; none for other words. */
export function toneOf(word: string): Tone | undefined {
  return Object.hasOwn(tones, word) ? tones[word] : undefined;
}

/** A condition's colour: some types are good news when they do not hold. */
/** Conditions that are troubles while they hold. */
const troubles: ReadonlySet<string> = new Set(["Isolated", "SafeMode", "NeedsIntervention"]);

export function conditionTone(type: string, status: string): Tone | undefined {
  const bad = troubles.has(type) ? "True" : "False";
  if (status === "Unknown") return "dim";
  return status === bad ? "bad" : "good";
}
