// A machine in memory: what runs do to it is written down, and a test says what becomes of it.
import type { Machine, NetworkChange, NetworkChangeState } from "#edge/run/port.ts";

export interface MemoryMachine extends Machine {
  /** Every act, as text, e.g. `script web/mend.sh`. */
  readonly acts: string[];
  /** What becomes of a script; told its signal and where its output goes. */
  script: (call: ScriptCall) => Promise<void>;
  onReboot: () => void;
  guardLives: boolean;
  /** How often it was looked for changes that nobody confirmed. */
  tidied: number;
}

export interface ScriptCall {
  script: string;
  key: string;
  signal: AbortSignal;
  say(text: string): void;
}

export function createMemoryMachine(): MemoryMachine {
  const acts: string[] = [];
  const changes = new Map<string, NetworkChangeState>();
  const networkChange = (key: string): NetworkChange => ({
    state: () => changes.get(key) ?? { is: "none" },
    guard: async () => {
      if (changes.has(key)) return;
      acts.push("guard");
      changes.set(key, { is: "guarded" });
    },
    apply: async ({ method }) => void acts.push(`apply ${method}`),
    ensureGuard: () => {
      if (!machine.guardLives) acts.push("guard again");
      machine.guardLives = true;
    },
    confirm: () => {
      if (changes.get(key)?.is !== "guarded") return false;
      acts.push("confirm");
      changes.set(key, { is: "confirmed" });
      return true;
    },
    giveUp: () => {
      if (changes.get(key)?.is !== "guarded") return;
      acts.push("return");
      changes.set(key, { is: "returned" });
    },
    leave: () => false,
  });
  const machine: MemoryMachine = {
    acts,
    script: async () => undefined,
    onReboot: () => undefined,
    guardLives: true,
    tidied: 0,
    networkChange,
    unsettledChange: async () => undefined,
    reboot: async () => {
      acts.push("reboot");
      machine.onReboot();
    },
    runScript: async (staged, { script, key }, { signal, onOutput }) => {
      acts.push(`script ${staged.spec.name}/${script}`);
      await machine.script({ script, key, signal, say: (text) => onOutput("stdout", text) });
    },
    tidy: async () => {
      machine.tidied += 1;
    },
  };
  return machine;
}
