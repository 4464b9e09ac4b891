// Turns a plan and its parameters into the steps that a device gets; pure.
import { interpolate } from "#shared/compose/interpolate.ts";
import { FleetError } from "#shared/errors.ts";
import type { Values } from "#shared/ids.ts";
import { RunStep } from "#shared/plan.ts";
import { defaultTimeoutMs, type Plan, type PlanStep } from "./plan.ts";

/** @throws FleetError request_invalid naming the parameter or the step */
export function resolveSteps(plan: Plan, given: Values): RunStep[] {
  const values = valuesOf(plan, given);
  return plan.steps.map((step, index) => resolveStep(plan, step, index, values));
}

function valuesOf(plan: Plan, given: Values): Values {
  const known = Object.keys(plan.parameters);
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue;
    const hint =
      known.length === 0 ? "It has none." : `Its parameters are: ${known.toSorted().join(", ")}.`;
    throw wrong(`the plan ${plan.name} has no parameter ${name}`, name, hint);
  }
  const entries = Object.entries(plan.parameters).map(([name, parameter]) => {
    const value = Object.hasOwn(given, name) ? given[name] : parameter.default;
    if (value !== undefined) return [name, value] as const;
    const what = parameter.description === undefined ? "" : `: ${parameter.description}`;
    throw wrong(`the plan ${plan.name} needs the parameter ${name}${what}`, name, "Give it.");
  });
  return Object.fromEntries(entries);
}

function resolveStep(plan: Plan, step: PlanStep, index: number, values: Values): RunStep {
  const filled = Object.fromEntries(
    Object.entries(step).flatMap(([key, value]) => fill(key, value, values)),
  ) as unknown as PlanStep;
  const parsed = RunStep.safeParse(wireOf(filled));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const place = `step ${index + 1} (${step.kind})`;
  const key = issue?.path.join(".") ?? "";
  throw wrong(
    `${place} of the plan ${plan.name} does not hold with these parameters: ${key}: ${issue?.message ?? ""}`,
    key,
    "Correct the parameters.",
  );
}

/** An optional key whose parameters are empty is as if it were not there. */
function fill(key: string, value: unknown, values: Values): [string, unknown][] {
  const put = (text: string): string => interpolate(text, values).text;
  if (Array.isArray(value)) return [[key, value.map((item: string) => put(item))]];
  if (typeof value !== "string") return [[key, value]];
  const text = put(value);
  return text === "" ? [] : [[key, text]];
}

function wireOf(step: PlanStep): object {
  const { kind, timeoutSeconds: timeoutMs = defaultTimeoutMs[kind], retries, ...rest } = step;
  const limits = { timeoutMs, retries };
  if (step.kind === "configureNetwork") {
    const { interface: name, method, address, gateway, dns, confirmSeconds: confirmMs } = step;
    const network = { interface: name, method, address, gateway, dns: listOf(dns) };
    return { kind, network: present(network), confirmMs, ...limits };
  }
  if (step.kind === "verify") {
    const { stableSeconds: stableMs, app } = step;
    return present({ kind, app, stableMs, ...limits });
  }
  return { ...rest, kind, ...limits };
}

function listOf(list: unknown): unknown {
  return typeof list === "string" ? list.split(",").map((item) => item.trim()) : list;
}

function present(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function wrong(message: string, subject: string, hint: string): FleetError {
  return new FleetError("request_invalid", { message, subject, hint });
}
