// A real Git repository in a temporary directory, to commit to in tests.
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

export type Files = Readonly<Record<string, string | { text: string; executable: true } | null>>;

export interface TestRepository {
  readonly path: string;
  /** Writes the files (null removes one), commits all and returns the commit. */
  commit(files: Files, subject?: string): string;
  link(path: string, target: string): void;
  git(...args: string[]): string;
  remove(): void;
}

const identity = { GIT_AUTHOR_NAME: "Ada", GIT_AUTHOR_EMAIL: "ada@example.org" };
const environment = {
  PATH: process.env["PATH"],
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  ...identity,
  GIT_COMMITTER_NAME: identity.GIT_AUTHOR_NAME,
  GIT_COMMITTER_EMAIL: identity.GIT_AUTHOR_EMAIL,
};

export function createRepository(): TestRepository {
  const path = mkdtempSync(join(tmpdir(), "fleet-repository-"));
  const git = (...args: string[]): string =>
    execFileSync("git", args, { cwd: path, env: environment, encoding: "utf8" }).trim();
  git("init", "--quiet", "--initial-branch=main");
  return {
    path,
    git,
    commit: (files, subject = "change") => {
      for (const [name, content] of Object.entries(files)) put(join(path, name), content);
      git("add", "--all");
      git("commit", "--quiet", "--allow-empty", `--message=${subject}`);
      return git("rev-parse", "HEAD");
    },
    link: (name, target) => {
      mkdirSync(dirname(join(path, name)), { recursive: true });
      symlinkSync(target, join(path, name));
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}

function put(file: string, content: Files[string]): void {
  if (content === null || content === undefined) {
    rmSync(file, { recursive: true });
    return;
  }
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, typeof content === "string" ? content : content.text);
  chmodSync(file, typeof content === "string" ? 0o644 : 0o755);
}
