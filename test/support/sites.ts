// Files of a small fleet: three sites that run one role with 3, 5 and 10 robots.
import type { Files } from "./repository.ts";

export const robotCompose = `services:
  robot:
    image: example/robot:1
    environment:
      SITE: \${FLEET_SITE}
    deploy:
      replicas: \${ROBOT_COUNT}
`;

export const fleetYaml = `apiVersion: metrica.fleet/v1
kind: Fleet
values:
  LEVEL: info
deployments:
  - name: robots
    role: robot
    selector: role=robot
`;

export function site(values: Readonly<Record<string, string | number>>): string {
  return yaml("Site", values);
}

export function device(labels: Readonly<Record<string, string>>, values = {}): string {
  const lines = Object.entries(labels).map(([key, value]) => `  ${key}: ${value}\n`);
  return `${yaml("Device", values)}labels:\n${lines.join("")}`;
}

function yaml(kind: string, values: Readonly<Record<string, string | number>>): string {
  const lines = Object.entries(values).map(([key, value]) => `  ${key}: ${value}\n`);
  const map = lines.length === 0 ? " {}\n" : `\n${lines.join("")}`;
  return `apiVersion: metrica.fleet/v1\nkind: ${kind}\nvalues:${map}`;
}

export const smallFleet: Files = {
  "fleet.yaml": fleetYaml,
  "sites/berlin.yaml": site({ ROBOT_COUNT: 3 }),
  "sites/paris.yaml": site({ ROBOT_COUNT: 5 }),
  "sites/rome.yaml": site({ ROBOT_COUNT: 10 }),
  "roles/robot/compose.yaml": robotCompose,
  "roles/robot/role.yaml": "apiVersion: metrica.fleet/v1\nkind: Role\nrequires: [ROBOT_COUNT]\n",
};
