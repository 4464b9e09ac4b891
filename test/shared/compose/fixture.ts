// Loads the Compose fixtures and says in short what is expected of them.
import * as assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type LoadedCompose, loadCompose } from "#shared/compose/load.ts";
import type { ComposeService, Mount, Port } from "#shared/compose/model.ts";
import { named, partOf } from "./harness.ts";

export const directory = join(import.meta.dirname, "fixtures");

export function loadFixture(name: string, values: Record<string, string> = {}): LoadedCompose {
  return loadCompose({
    file: name,
    text: readFileSync(join(directory, name), "utf8"),
    values,
    readText: (path) =>
      existsSync(join(directory, path)) ? readFileSync(join(directory, path), "utf8") : undefined,
  });
}

export function expectService(
  file: string,
  name: string,
  expected: Partial<ComposeService>,
  values = {},
): void {
  const service = named(loadFixture(file, values).project, name);
  assert.deepEqual(partOf(service, expected), expected);
}

export const bind = (source: string, target: string, readOnly = false): Mount => ({
  type: "bind",
  source,
  target,
  readOnly,
  createHostPath: true,
});
export const volume = (source: string, target: string): Mount => ({
  type: "volume",
  source,
  target,
  readOnly: false,
  noCopy: false,
});
export const port = (
  published: number,
  target = published,
  protocol: Port["protocol"] = "tcp",
): Port => ({
  target,
  published,
  protocol,
});
