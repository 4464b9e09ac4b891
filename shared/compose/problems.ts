// Gathers what is wrong with a Compose file, so that a person is shown the first place and how many follow.
import { type ErrorCode, FleetError, type Where } from "#shared/errors.ts";
import { byPlace, withOthers } from "#shared/yaml/faults.ts";
import { dotted, type Path } from "#shared/yaml/nodes.ts";

export interface Problem {
  /** `compose_invalid` when absent. */
  code?: Extract<
    ErrorCode,
    "compose_invalid" | "compose_unsupported" | "variable_missing" | "plan_cycle"
  >;
  message: string;
  hint?: string | undefined;
  subject?: string | undefined;
}

export interface Problems {
  report(path: Path, problem: Problem): void;
  /** For a problem in another file, e.g. an env_file. */
  reportAt(where: Where, problem: Problem): void;
  warn(path: Path, message: string): void;
  /** A later problem at this path is put down to the variable. */
  noteUnset(path: Path, variable: string): void;
  /** Each once, by line, as `file:line: key: sentence`. */
  warnings(): string[];
  /** @throws FleetError of the first problem by line */
  throwIfAny(): void;
}

interface Located<T> {
  where: Where;
  what: T;
}

/** @param locate where a key stands in the file
 *  @param options.unsetIsWarning a problem that an unset variable causes is only warned of */
export function createProblems(
  locate: (path: Path) => Where,
  options: { unsetIsWarning: boolean } = { unsetIsWarning: false },
): Problems {
  const found: Located<Problem>[] = [];
  const warned: Located<string>[] = [];
  const unset = new Map<string, string>();
  const warn = (path: Path, message: string): void => {
    warned.push({ where: locate(path), what: message });
  };
  return {
    warn,
    report: (path, problem) => {
      // A key that no device supports is refused whatever its value.
      const isInvalid = (problem.code ?? "compose_invalid") === "compose_invalid";
      const variable = isInvalid ? unset.get(dotted(path)) : undefined;
      const what = variable === undefined ? problem : blameVariable(problem, variable);
      if (variable !== undefined && options.unsetIsWarning) warn(path, what.message);
      else found.push({ where: locate(path), what });
    },
    reportAt: (where, what) => {
      found.push({ where, what });
    },
    noteUnset: (path, variable) => {
      if (!unset.has(dotted(path))) unset.set(dotted(path), variable);
      warn(path, `the variable ${variable} is not set and is taken as empty`);
    },
    warnings: () => [
      ...new Set(warned.toSorted(byPlace).map(({ where, what }) => sentence(where, what))),
    ],
    throwIfAny: () => {
      const [first, ...more] = found.toSorted(byPlace);
      if (first !== undefined) throw errorOf(first.where, first.what, more.length);
    },
  };
}

function blameVariable(problem: Problem, variable: string): Problem {
  return {
    code: "variable_missing",
    message: `${variable} is not set: ${problem.message}`,
    subject: variable,
    hint: settingHint(variable),
  };
}

export function settingHint(variable: string): string {
  return `Set ${variable} in the values of the role, the fleet, the site, the deployment or the device.`;
}

function errorOf(where: Where, problem: Problem, more: number): FleetError {
  const { code = "compose_invalid", message, hint, subject } = problem;
  return new FleetError(code, {
    message: withOthers(message, more),
    where,
    ...(hint === undefined ? {} : { hint }),
    ...(subject === undefined ? {} : { subject }),
  });
}

function sentence(where: Where, message: string): string {
  return new FleetError("compose_invalid", { message, where }).sentence;
}
