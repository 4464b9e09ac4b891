// The step configureNetwork: changes the settings behind a guard, and keeps them once the hub has answered over them.
import type { Executors, StepContext, Verdict } from "#edge/run/port.ts";
import { faultPoint } from "#shared/fault.ts";
import type { RunStep } from "#shared/plan.ts";
import { type StepParts, stepFailed } from "./parts.ts";

type Context = StepContext<Extract<RunStep, { kind: "configureNetwork" }>>;

/** A guard that cannot put back what was goes on by itself; the run need not wait for it. */
const awaitedTries = 3;

export function createNetworkStep(given: StepParts): Executors["configureNetwork"] {
  const { parts, tasks } = given;
  const { journal, sync, machine } = parts;

  const apply = async (context: Context, signal: AbortSignal): Promise<void> => {
    const { step, key, onOutput } = context;
    const change = machine.networkChange(key);
    await change.guard({ confirmMs: step.confirmMs, signal, onOutput });
    await change.apply(step.network, { signal, onOutput });
    faultPoint("after:run.apply");
    const message = `the new settings of ${step.network.interface} are applied; the hub must answer within ${step.confirmMs / 1000} s`;
    const body = { type: "Normal", reason: "NetworkChanged", message };
    // Sent over the new settings: its acknowledgement proves both ways of them.
    const provedBy = journal.append({ kind: "event", body });
    context.mark({ provedBy });
    context.say(message);
    sync.journalGrew();
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

  /** Begun before the former settings are back, it would keep the broken ones as the former. */
  const begin = async (context: Context): Promise<Verdict> => {
    const earlier = await machine.unsettledChange(context.key);
    if (earlier === undefined) return goOn(context);
    earlier.giveUp();
    const state = earlier.state();
    const trouble = state.is === "returning" ? state.trouble?.message : undefined;
    context.waitsFor(`${backWords(trouble)} after an earlier change`);
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
          throw notReached(step);
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
      if (before.is === "none" || before.is === "confirmed") return "done";
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

function notReached({ network, confirmMs }: Context["step"]) {
  return stepFailed(
    `the hub did not answer over the new settings of ${network.interface} within ${confirmMs / 1000} s; the former ones are back`,
    network.interface,
    "Check the address, the gateway and what lies between the device and the hub.",
  );
}
