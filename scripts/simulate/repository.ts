// Makes the small fleet repository of the simulator's own hub.
import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

export function siteName(index: number): string {
  return `site-${index + 1}`;
}

/** One role for every simulated device, whatever the machine has of Git's configuration. */
export async function makeRepository(directory: string, sites: number): Promise<void> {
  const files = { ...roleFiles, ...siteFiles(sites) };
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, name)), { recursive: true });
    await writeFile(join(directory, name), text);
  }
  const author = ["-c", "user.name=Metrica Fleet", "-c", "user.email=fleet@localhost"];
  await run("git", ["-C", directory, "init", "--quiet", "--initial-branch=main"]);
  await run("git", ["-C", directory, "add", "--all"]);
  await run("git", ["-C", directory, ...author, "commit", "--quiet", "-m", "A simulated fleet"]);
}

const roleFiles = {
  "fleet.yaml": `apiVersion: metrica.fleet/v1
kind: Fleet
values:
  LEVEL: info
deployments:
  - name: load
    role: load
    selector: role=simulated
`,
  "roles/load/role.yaml": "apiVersion: metrica.fleet/v1\nkind: Role\nrequires: [SITE_NUMBER]\n",
  "roles/load/compose.yaml": `services:
  work:
    image: example/work:1
    environment:
      LEVEL: \${LEVEL}
      SITE_NUMBER: \${SITE_NUMBER}
`,
};

function siteFiles(sites: number): Record<string, string> {
  const one = (index: number) =>
    `apiVersion: metrica.fleet/v1\nkind: Site\nvalues:\n  SITE_NUMBER: ${index + 1}\n`;
  return Object.fromEntries(
    Array.from({ length: sites }, (_, index) => [`sites/${siteName(index)}.yaml`, one(index)]),
  );
}
