// What the links of the apps on the disk say, and whether it is whole.
import { existsSync, readlinkSync } from "node:fs";
import { join } from "node:path";

export function linkOf(app: string): string | undefined {
  try {
    return readlinkSync(join(app, "current")).split("/").at(-1);
  } catch {
    return undefined;
  }
}

/** Parts that a current revision lacks: its record or its content. */
export function incomplete(directory: string): string[] {
  return ["web", "other"].flatMap((name) => {
    const app = join(directory, "apps", name);
    const current = linkOf(app);
    if (current === undefined) return [];
    const parts = ["app.json", "content/compose.yaml"];
    return parts.map((part) => join(app, "revisions", current, part)).filter((p) => !existsSync(p));
  });
}
