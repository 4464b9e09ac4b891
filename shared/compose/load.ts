// Loads a Compose file: parse, interpolate, check against the schema, refuse what one host cannot do, normalise.
import { FleetError } from "#shared/errors.ts";
import { readYaml, type YamlFile } from "#shared/yaml/read.ts";
import { explainErrors } from "./check/explain.ts";
import { judgeKeys } from "./check/refuse.ts";
import { schemaErrors } from "./check/schema.ts";
import type { ComposeProject } from "./model.ts";
import { normaliseProject } from "./normalise/project.ts";
import { startOrder } from "./order.ts";
import { createProblems, type Problems } from "./problems.ts";
import { composeNumber } from "./read/numbers.ts";
import { substitute } from "./read/substitute.ts";

/** What a load may ask of the world around the file; the caller reads, this folder stays pure. */
export interface ComposeSource {
  /** Path as messages name it, e.g. `roles/robot/compose.yaml`. */
  file: string;
  text: string;
  values: Readonly<Record<string, string>>;
  /** Text of another file of the release by its relative path (`env_file`), or undefined. */
  readText(path: string): string | undefined;
  /** Judge the file and not its values: a fault that only an unset variable causes is a warning. */
  unsetIsWarning?: boolean;
}

export interface LoadedCompose {
  project: ComposeProject;
  /** What is legal but probably not meant, e.g. a variable that is not set. */
  warnings: string[];
}

/** @throws FleetError compose_invalid, compose_unsupported, variable_missing or plan_cycle, with file,
 *  line and key
 *  @see https://github.com/compose-spec/compose-spec/blob/main/spec.md */
export function loadCompose(source: ComposeSource): LoadedCompose {
  try {
    return loadStages(source);
  } catch (cause) {
    // The stack is the one bound on nesting, of YAML and of defaults alike.
    if (!(cause instanceof RangeError)) throw cause;
    const where = { file: source.file, line: 1 };
    throw new FleetError("compose_invalid", { message: "is nested too deeply", where, cause });
  }
}

function loadStages(source: ComposeSource): LoadedCompose {
  const yaml = readCompose(source);
  const problems = createProblems(yaml.locate, {
    unsetIsWarning: source.unsetIsWarning ?? false,
  });
  const tree = substitute(yaml.value, source.values, problems);
  judgeKeys(tree, problems);
  explainErrors(schemaErrors(tree), tree, problems);
  // The later stages rely on what the schema promises.
  problems.throwIfAny();
  const { file, values } = source;
  const context = { file, values, problems, readText: (path: string) => source.readText(path) };
  const project = normaliseProject({ value: tree, path: [], context });
  refuseCycle(project, problems);
  problems.throwIfAny();
  return { project, warnings: problems.warnings() };
}

function readCompose({ file, text }: ComposeSource): YamlFile {
  return readYaml({ file, text, code: "compose_invalid", readNumber: composeNumber });
}

function refuseCycle(project: ComposeProject, problems: Problems): void {
  try {
    startOrder(project);
  } catch (error) {
    if (!(error instanceof FleetError) || error.code !== "plan_cycle") throw error;
    const { message, hint, subject = "" } = error;
    problems.report(["services", subject, "depends_on"], {
      code: "plan_cycle",
      message,
      hint,
      subject,
    });
  }
}
