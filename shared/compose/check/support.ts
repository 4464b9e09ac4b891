// What becomes of each key of the Compose specification on one device: carried out, ignored or refused.

export type Verdict =
  | { kind: "carried" }
  | { kind: "ignored"; why: string }
  | { kind: "refused"; why: string; hint: string };

const carried: Verdict = { kind: "carried" };
const ignored = (why: string): Verdict => ({ kind: "ignored", why });
const refused = (why: string, hint: string): Verdict => ({ kind: "refused", why, hint });

const swarmOnly = ignored("it concerns a Swarm and has no effect on one device");
const windowsOnly = ignored("it concerns Windows and has no effect on Linux");
const noModels = refused(
  "models are run by Docker Desktop's model runner, which a device has not",
  "Run the model as a service of its own.",
);

export const projectKeys: Readonly<Record<string, Verdict>> = {
  version: ignored("it is obsolete"),
  name: ignored("the app's name is the project's name"),
  include: refused(
    "a release is one Compose file",
    "Write the services of the included file here.",
  ),
  services: carried,
  models: noModels,
  networks: carried,
  volumes: carried,
  secrets: carried,
  configs: carried,
};

export const serviceKeys: Readonly<Record<string, Verdict>> = {
  develop: refused(
    "it watches source files, and a device has none",
    "Move it to a Compose file of the developers.",
  ),
  deploy: carried,
  annotations: carried,
  attach: ignored("output is gathered whatever it says"),
  build: refused(
    "a device does not build images",
    "Build the image beforehand, push it to a registry and name it under image.",
  ),
  blkio_config: carried,
  cap_add: carried,
  cap_drop: carried,
  cgroup: carried,
  cgroup_parent: carried,
  command: carried,
  configs: carried,
  container_name: carried,
  cpu_count: windowsOnly,
  cpu_percent: windowsOnly,
  cpu_shares: carried,
  cpu_quota: carried,
  cpu_period: carried,
  cpu_rt_period: carried,
  cpu_rt_runtime: carried,
  cpus: carried,
  cpuset: carried,
  credential_spec: refused("it concerns Windows containers", "Remove it."),
  depends_on: carried,
  device_cgroup_rules: carried,
  devices: carried,
  dns: carried,
  dns_opt: carried,
  dns_search: carried,
  domainname: carried,
  entrypoint: carried,
  env_file: carried,
  label_file: carried,
  environment: carried,
  expose: carried,
  extends: refused(
    "a release is one Compose file without inheritance",
    "Use a YAML anchor and a merge key (<<) instead.",
  ),
  provider: refused(
    "it starts a plugin of the Compose command, which a device has not",
    "Name an image instead.",
  ),
  external_links: carried,
  extra_hosts: carried,
  gpus: carried,
  group_add: carried,
  healthcheck: carried,
  hostname: carried,
  image: carried,
  init: carried,
  ipc: carried,
  isolation: refused("it concerns Windows containers", "Remove it."),
  labels: carried,
  links: carried,
  logging: carried,
  mac_address: carried,
  mem_limit: carried,
  mem_reservation: carried,
  mem_swappiness: carried,
  memswap_limit: carried,
  network_mode: carried,
  models: noModels,
  networks: carried,
  oom_kill_disable: carried,
  oom_score_adj: carried,
  pid: carried,
  pids_limit: carried,
  platform: carried,
  ports: carried,
  post_start: carried,
  pre_stop: carried,
  privileged: carried,
  profiles: carried,
  pull_policy: carried,
  pull_refresh_after: ignored("images are pulled when a release arrives, and not by age"),
  read_only: carried,
  restart: carried,
  runtime: carried,
  scale: carried,
  security_opt: carried,
  shm_size: carried,
  secrets: carried,
  sysctls: carried,
  stdin_open: carried,
  stop_grace_period: carried,
  stop_signal: carried,
  storage_opt: carried,
  tmpfs: carried,
  tty: carried,
  ulimits: carried,
  use_api_socket: refused(
    "it hands the container the Docker socket, that is root on the device",
    "Where that is meant, mount /var/run/docker.sock as a volume.",
  ),
  user: carried,
  uts: carried,
  userns_mode: carried,
  volumes: carried,
  volumes_from: carried,
  working_dir: carried,
};

export const deployKeys: Readonly<Record<string, Verdict>> = {
  mode: carried,
  endpoint_mode: swarmOnly,
  replicas: carried,
  labels: ignored("they belong to a Swarm's service; labels of the container stand beside deploy"),
  rollback_config: ignored("rollback is decided by the health of the release"),
  update_config: ignored("the update's pace is decided by the rollout"),
  resources: carried,
  restart_policy: carried,
  placement: ignored("which devices run it is decided by the deployment's selector"),
};
