// A mirror of a real repository in a temporary directory, and what it reads.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMirror, type Mirror } from "#hub/git/mirror.ts";
import { parseRemote } from "#hub/git/remote.ts";
import { FleetError } from "#shared/errors.ts";
import { createRepository, type TestRepository } from "#test/support/repository.ts";

export interface MirrorBench {
  repository: TestRepository;
  mirror: Mirror;
  directory: string;
}

export async function withMirror(body: (bench: MirrorBench) => Promise<void>): Promise<void> {
  const repository = createRepository();
  const scratch = mkdtempSync(join(tmpdir(), "fleet-mirror-"));
  const directory = join(scratch, "mirror.git");
  const mirror = createMirror({ remote: parseRemote(repository.path), directory });
  try {
    await body({ repository, mirror, directory });
  } finally {
    repository.remove();
    rmSync(scratch, { recursive: true, force: true });
  }
}

export async function contentOf(mirror: Mirror, commit: string): Promise<Record<string, string>> {
  const files = (await mirror.entries(commit, ["."])).filter(({ kind }) => kind !== "directory");
  const bytes = await mirror.read(files.map(({ id }) => id));
  return Object.fromEntries(
    files.map(({ path, kind, id }) => [path, `${kind} ${bytes.get(id)?.toString()}`]),
  );
}

export const unreachable = (error: unknown): boolean =>
  error instanceof FleetError && error.code === "repository_unreachable";
