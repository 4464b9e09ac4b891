// Applies the table of supported keys to a file: refusals by name, warnings for what is ignored.
import type { Problems } from "#shared/compose/problems.ts";
import type { Path } from "#shared/yaml/nodes.ts";
import { deployKeys, projectKeys, serviceKeys, type Verdict } from "./support.ts";

/** Reports what one device cannot or must not do. The tree need not be valid yet. */
export function judgeKeys(tree: unknown, problems: Problems): void {
  judge(tree, [], projectKeys, problems);
  for (const [name, service] of entriesOf(member(tree, "services"))) {
    judge(service, ["services", name], serviceKeys, problems);
    judge(member(service, "deploy"), ["services", name, "deploy"], deployKeys, problems);
  }
}

function judge(
  map: unknown,
  path: Path,
  verdicts: Readonly<Record<string, Verdict>>,
  problems: Problems,
): void {
  for (const [key] of entriesOf(map)) {
    const verdict = Object.hasOwn(verdicts, key) ? verdicts[key] : undefined;
    if (verdict?.kind === "ignored") problems.warn([...path, key], `is ignored: ${verdict.why}`);
    if (verdict?.kind !== "refused") continue;
    const message = `is not supported: ${verdict.why}`;
    problems.report([...path, key], { code: "compose_unsupported", message, hint: verdict.hint });
  }
}

function entriesOf(value: unknown): [string, unknown][] {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.entries(value)
    : [];
}

function member(value: unknown, key: string): unknown {
  return entriesOf(value).find(([name]) => name === key)?.[1];
}
