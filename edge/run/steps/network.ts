// The step configureNetwork: changes the settings behind a guard, and keeps them once the hub has answered over them.
import { quickTries } from "#edge/run/network/record.ts";
import type {
  Executors,
  NetworkChange,
  NetworkChangeState,
  StepContext,
  Verdict,
} from "#edge/run/port.ts";
import { faultPoint } from "#shared/fault.ts";
import type { RunStep } from "#shared/plan.ts";
import { type StepParts, stepFailed } from "./parts.ts";

type Context = StepContext<Extract<RunStep, { kind: "configureNetwork" }>>;

/** A guard that cannot put back what was goes on by itself; the run need not wait for it. */
const awaitedTries = 3;

type Trouble = NonNullable<Extract<NetworkChangeState, { is: "returning" }>["trouble"]>;

export function createNetworkStep(given: StepParts): Executors["configureNetwork"] {
  const { parts, tasks } = given;
  const { journal, sync, machine } = parts;
  /** What the hub is to acknowledge over the settings that are there after so many tries. */
  let asked: { key: string; tries: number; entry: number } | undefined;

  const tell = (type: "Normal" | "Warning", reason: string, message: string): number => {
    const entry = journal.append({ kind: "event", body: { type, reason, message } });
    sync.journalGrew();
    return entry;
  };

  const apply = async (context: Context, signal: AbortSignal): Promise<void> => {
    const { step, key, onOutput } = context;
    const change = machine.networkChange(key);
    await change.guard({ confirmMs: step.confirmMs, signal, onOutput });
    await change.apply(step.network, { signal, onOutput });
    faultPoint("after:run.apply");
    const message = `the new settings of ${step.network.interface} are applied; the hub must answer within ${step.confirmMs / 1000} s`;
    // Sent over the new settings: its acknowledgement proves both ways of them.
    context.mark({ provedBy: tell("Normal", "NetworkChanged", message) });
    context.say(message);
  };

  const goOn = async (context: Context): Promise<Verdict> => {
    const { key, trying, waitsFor, step } = context;
    const { provedBy } = trying.marks;
    if (provedBy === undefined) {
      waitsFor("the network command");
      await tasks.run(key, (signal) => apply(context, signal));
      return "acting";
    }
    if (journal.acknowledged() >= provedBy) {
      return machine.networkChange(key).confirm() ? "done" : "acting";
    }
    // It has ended with the boot, or was killed, while the settings may have stayed.
    machine.networkChange(key).ensureGuard();
    waitsFor(`the hub's answer over the new settings of ${step.network.interface}`);
    return "acting";
  };

  /** Only between two tries is it known what the hub answers over. */
  const isProved = (key: string, { tries, message }: Trouble): boolean => {
    if (asked?.key === key && asked.tries === tries) return journal.acknowledged() >= asked.entry;
    const text = `the former settings of the network could not be put back in ${tries} tries: ${message}`;
    asked = { key, tries, entry: tell("Warning", "NetworkNotRestored", text) };
    return false;
  };

  const leave = (earlier: NetworkChange, trouble: Trouble, { key, say }: Context): void => {
    // Another guard counts from the beginning, and its tries may have changed what the hub answered over.
    if (trouble.tries < quickTries) asked = undefined;
    else if (isProved(key, trouble) && earlier.leave(trouble.tries)) tellLeft(trouble, say);
  };

  const tellLeft = ({ tries }: Trouble, say: Context["say"]): void => {
    const text = `the former settings of the network are given up after ${tries} tries; the device goes on with those over which the hub answers`;
    say(text);
    tell("Warning", "NetworkKept", text);
  };

  /** Begun before the former settings are back, it would keep the broken ones as the former. */
  const begin = async (context: Context): Promise<Verdict> => {
    const earlier = await machine.unsettledChange(context.key);
    if (earlier === undefined) return goOn(context);
    earlier.giveUp();
    const state = earlier.state();
    const trouble = state.is === "returning" ? state.trouble : undefined;
    if (trouble !== undefined) leave(earlier, trouble, context);
    context.waitsFor(`${backWords(trouble?.message)} after an earlier change`);
    return "acting";
  };

  return {
    act: async (context) => {
      const { key, step, waitsFor } = context;
      const state = machine.networkChange(key).state();
      switch (state.is) {
        case "none":
          return begin(context);
        case "confirmed":
          return "done";
        case "returned":
          throw notReached(step, "the former ones are back");
        case "left":
          throw notReached(step, "the former ones could not be put back");
        case "returning":
          // It may have been killed, or have ended with the boot, before they were back.
          machine.networkChange(key).ensureGuard();
          waitsFor(backWords(state.trouble?.message));
          return "acting";
        default:
          return goOn(context);
      }
    },
    stop: async ({ key, say }) => {
      tasks.cancel(key);
      const change = machine.networkChange(key);
      const before = change.state();
      if (before.is === "none" || before.is === "confirmed" || before.is === "left") return "done";
      if (before.is === "returned") {
        say("the former settings of the network are back");
        return "done";
      }
      change.giveUp();
      if (before.is !== "returning" || (before.trouble?.tries ?? 0) < awaitedTries) return "acting";
      say(backWords(before.trouble?.message));
      return "done";
    },
  };
}

function backWords(trouble: string | undefined): string {
  const because = trouble === undefined ? "" : `, which fails so far: ${trouble}`;
  return `the former settings of the network to be put back${because}`;
}

function notReached({ network, confirmMs }: Context["step"], outcome: string) {
  return stepFailed(
    `the hub did not answer over the new settings of ${network.interface} within ${confirmMs / 1000} s; ${outcome}`,
    network.interface,
    "Check the address, the gateway and what lies between the device and the hub.",
  );
}
