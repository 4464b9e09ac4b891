// The normalised Compose model: one form for each key, units in names, nothing left to interpolate.

/** A whole application as `load` returns it. Maps are sorted by key, so that equal content hashes equally. */
export interface ComposeProject {
  services: Record<string, ComposeService>;
  networks: Record<string, ComposeNetwork>;
  volumes: Record<string, ComposeVolume>;
  configs: Record<string, FileObject>;
  secrets: Record<string, FileObject>;
}

/** What Metrica Fleet reads from a service's `x-fleet`. */
export interface FleetExtension {
  /** Absent: the device's default runtime. */
  runtime?: "docker" | "process";
  /** The command on the process runtime, where no image brings an entrypoint. */
  command?: string[];
  /** `hand-over`: a new copy starts beside the old one and takes its place once it has proved itself.
   *  Absent: the old one goes first. */
  update?: "hand-over";
  /** Whether a container gets the directory of the app's update lock; a process always knows its path. */
  updateLock?: boolean;
  /** Whether a container gets the socket for its telemetry; a process always knows its path. */
  telemetry?: boolean;
}

/** Whether a new copy of the service starts beside the old one. */
export function isHandedOver({ fleet }: Pick<ComposeService, "fleet">): boolean {
  return fleet.update === "hand-over";
}

/** A port that the device itself holds and forwards, so that two copies can be there at once. */
export type ForwardedPort = Port & { published: number };

/** Published ports of a service that is handed over; one that the Engine picks is not among them. */
export function forwardedPorts(service: Pick<ComposeService, "fleet" | "ports">): ForwardedPort[] {
  if (!isHandedOver(service)) return [];
  return service.ports.filter((port): port is ForwardedPort => port.published !== undefined);
}

export interface ComposeService {
  name: string;
  /** Absent only where the service runs as a process. */
  image?: string;
  platform?: string;
  pullPolicy: "always" | "never" | "missing";
  containerName?: string;
  command?: string[];
  entrypoint?: string[];
  /** Merged from env_file and environment. */
  environment: Record<string, string>;
  workingDir?: string;
  user?: string;
  groupAdd: string[];
  hostname?: string;
  domainName?: string;
  macAddress?: string;
  /** `deploy.replicas` or `scale`; 1 by default. */
  replicas: number;
  restart: RestartPolicy;
  dependsOn: Record<string, Dependency>;
  healthcheck?: Healthcheck;
  ports: Port[];
  expose: string[];
  mounts: Mount[];
  /** Services or containers whose volumes are mounted too, as `name[:ro|rw]` or `container:name`. */
  volumesFrom: string[];
  configs: FileMount[];
  secrets: FileMount[];
  networkMode?: string;
  /** Networks by name; `default` where none is given and no network mode is set. */
  networks: Record<string, NetworkAttachment>;
  links: string[];
  externalLinks: string[];
  extraHosts: string[];
  dns: string[];
  dnsOptions: string[];
  dnsSearch: string[];
  labels: Record<string, string>;
  annotations: Record<string, string>;
  logging?: { driver?: string; options: Record<string, string> };
  resources: Resources;
  devices: Device[];
  deviceRequests: DeviceRequest[];
  deviceCgroupRules: string[];
  capAdd: string[];
  capDrop: string[];
  securityOptions: string[];
  privileged: boolean;
  readOnly: boolean;
  init?: boolean;
  tty: boolean;
  stdinOpen: boolean;
  ipc?: string;
  pid?: string;
  uts?: string;
  usernsMode?: string;
  cgroup?: "host" | "private";
  cgroupParent?: string;
  /** OCI runtime, e.g. `runc`. */
  ociRuntime?: string;
  storageOptions: Record<string, string>;
  sysctls: Record<string, string>;
  ulimits: Record<string, { soft: number; hard: number }>;
  stopSignal?: string;
  /** 10 s by Compose's default. */
  stopGraceMs: number;
  postStart: LifecycleHook[];
  preStop: LifecycleHook[];
  fleet: FleetExtension;
}

/** `onFailure` may bound its attempts; 0 means without bound. */
export interface RestartPolicy {
  name: "no" | "always" | "on-failure" | "unless-stopped";
  maxAttempts: number;
}

export interface Dependency {
  condition: "service_started" | "service_healthy" | "service_completed_successfully";
  /** Restart the dependent when this service is recreated. */
  restart: boolean;
  /** False: only warn when the dependency is absent. */
  required: boolean;
}

export interface Healthcheck {
  disabled: boolean;
  /** Docker's form: `["NONE"]`, `["CMD", …]` or `["CMD-SHELL", "…"]`; absent: the image's own. */
  test?: string[];
  intervalMs?: number;
  timeoutMs?: number;
  startPeriodMs?: number;
  startIntervalMs?: number;
  retries?: number;
}

export interface Port {
  /** Port inside the container. */
  target: number;
  /** Port on the host; absent: one that the Engine picks. A range was expanded to single ports. */
  published?: number;
  /** Last port of a range from which the Engine takes a free one, starting at `published`; for replicas. */
  publishedEnd?: number;
  hostIp?: string;
  protocol: "tcp" | "udp" | "sctp";
}

export type Mount =
  | {
      type: "bind";
      /** Absolute, or relative to the release directory (starts with `./` or `../`). */
      source: string;
      target: string;
      readOnly: boolean;
      createHostPath: boolean;
      propagation?: string;
      selinux?: "z" | "Z";
    }
  | {
      type: "volume";
      /** Key under `volumes`; absent: anonymous. */
      source?: string;
      target: string;
      readOnly: boolean;
      noCopy: boolean;
      subpath?: string;
    }
  | { type: "tmpfs"; target: string; sizeBytes?: number; mode?: number; options?: string };

/** A config or secret mounted as a file. */
export interface FileMount {
  source: string;
  /** Absolute path in the container. */
  target: string;
  uid?: string;
  gid?: string;
  mode?: number;
}

/** A top-level config or secret. Exactly one of file, content and environment is set. */
export interface FileObject {
  /** Relative to the release directory without a leading `./`, or absolute. */
  file?: string;
  content?: string;
  /** Name of a value; the device looks it up. */
  environment?: string;
  /** sha256 of that value when the file was loaded, so that a new value makes a new container. */
  valueHash?: string;
}

export interface NetworkAttachment {
  aliases: string[];
  ipv4Address?: string;
  ipv6Address?: string;
  linkLocalIps: string[];
  macAddress?: string;
  priority?: number;
  driverOptions: Record<string, string>;
}

export interface ComposeNetwork {
  /** The Engine's name for it; absent: `<project>_<key>`. */
  name?: string;
  external: boolean;
  driver?: string;
  driverOptions: Record<string, string>;
  internal: boolean;
  attachable: boolean;
  enableIpv6: boolean;
  labels: Record<string, string>;
  ipam?: {
    driver?: string;
    options: Record<string, string>;
    config: {
      subnet?: string;
      ipRange?: string;
      gateway?: string;
      auxAddresses: Record<string, string>;
    }[];
  };
}

export interface ComposeVolume {
  /** The Engine's name for it; absent: `<project>_<key>`. */
  name?: string;
  external: boolean;
  driver?: string;
  driverOptions: Record<string, string>;
  labels: Record<string, string>;
}

/** Limits and reservations, from `deploy.resources` or the older service keys. */
export interface Resources {
  cpus?: number;
  cpuShares?: number;
  cpuPeriodUs?: number;
  cpuQuotaUs?: number;
  cpuRtPeriodUs?: number;
  cpuRtRuntimeUs?: number;
  cpuset?: string;
  memoryBytes?: number;
  memoryReservationBytes?: number;
  /** Memory plus swap; -1: no bound. */
  memorySwapBytes?: number;
  memorySwappiness?: number;
  pids?: number;
  shmBytes?: number;
  oomKillDisable?: boolean;
  oomScoreAdj?: number;
  blkio?: BlockIo;
}

export interface BlockIo {
  weight?: number;
  weightDevice: { path: string; weight: number }[];
  deviceReadBps: { path: string; rate: number }[];
  deviceReadIops: { path: string; rate: number }[];
  deviceWriteBps: { path: string; rate: number }[];
  deviceWriteIops: { path: string; rate: number }[];
}

export interface Device {
  source: string;
  target: string;
  permissions: string;
}

/** As the Engine's API takes it: GPUs and CDI devices. */
export interface DeviceRequest {
  driver?: string;
  count?: number;
  deviceIds: string[];
  capabilities: string[];
  options: Record<string, string>;
}

export interface LifecycleHook {
  command: string[];
  user?: string;
  privileged: boolean;
  workingDir?: string;
  environment: Record<string, string>;
}
