// Loads Compose text in tests as the hub and the device do, with files of a release held in memory.
import * as assert from "node:assert/strict";
import { type LoadedCompose, loadCompose } from "#shared/compose/load.ts";
import type { ComposeProject, ComposeService } from "#shared/compose/model.ts";
import { FleetError } from "#shared/errors.ts";

export interface Surroundings {
  values?: Record<string, string>;
  files?: Record<string, string>;
  unsetIsWarning?: boolean;
}

export function load(
  text: string,
  { values = {}, files = {}, ...rest }: Surroundings = {},
): LoadedCompose {
  return loadCompose({
    file: "compose.yaml",
    text,
    values,
    readText: (path) => (Object.hasOwn(files, path) ? files[path] : undefined),
    ...rest,
  });
}

/** The keys of a service as YAML, indented below `services.web`. */
export function withService(body: string, rest = ""): string {
  const lines = body.split("\n").map((line) => `    ${line}`);
  return `services:\n  web:\n${lines.join("\n")}\n${rest}`;
}

/** The service `web` with an image and the given keys. */
export function serviceOf(
  body: string,
  around: Surroundings & { rest?: string } = {},
): ComposeService {
  return named(load(withService(`image: web:1\n${body}`, around.rest), around).project, "web");
}

export function named(project: ComposeProject, name: string): ComposeService {
  const service = project.services[name];
  assert.ok(service, `there is a service ${name}`);
  return service;
}

/** What the load of a text is refused with. */
export function refusal(text: string, around: Surroundings = {}): FleetError {
  try {
    load(text, around);
  } catch (error) {
    assert.ok(error instanceof FleetError, String(error));
    return error;
  }
  return assert.fail("the file was loaded, but should have been refused");
}

/** A refusal as a person reads it, for tables of expectations. */
export function refusalText(text: string, around: Surroundings = {}): string {
  const error = refusal(text, around);
  return `${error.code} ${error.sentence}`;
}

/** Only the keys of `wanted` out of `whole`, to compare a part of a large object. */
export function partOf<T extends object>(whole: T, wanted: Partial<T>): Partial<T> {
  const keys = Object.keys(wanted) as (keyof T)[];
  return Object.fromEntries(keys.map((key) => [key, whole[key]])) as Partial<T>;
}
