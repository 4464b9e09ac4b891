// The parts of the Engine's API documents that this runtime reads and writes, in the Engine's own spelling.
// `undefined` stands for "not sent": JSON leaves such keys out.

/** @see https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerList */
export interface ContainerSummary {
  Id: string;
  Names: string[];
  Image: string;
  ImageID: string;
  Labels: Record<string, string>;
  State: string;
  /** For people, and the only place of a list that shows health and exit code: `Up 2 hours (healthy)`. */
  Status: string;
  Ports: { IP?: string; PrivatePort: number; PublicPort?: number; Type: string }[];
  NetworkSettings?: { Networks: Record<string, { IPAddress?: string }> | null };
}

export interface ContainerDetail {
  Id: string;
  Name: string;
  RestartCount: number;
  State: {
    Status: string;
    Running: boolean;
    ExitCode: number;
    OOMKilled: boolean;
    StartedAt: string;
  };
  Config: { Labels: Record<string, string> | null; Tty: boolean; StopTimeout?: number };
  HostConfig: HostConfig;
  Mounts: { Type: string; Name?: string; Destination?: string }[] | null;
  NetworkSettings: { Networks: Record<string, unknown> | null };
}

export interface ImageDetail {
  Id: string;
  RepoDigests: string[] | null;
  RepoTags?: string[] | null;
  Os: string;
  Architecture: string;
  Variant?: string;
  Config?: { Volumes?: Record<string, unknown> | null };
}

export interface NetworkDetail {
  Id: string;
  Name: string;
  Labels: Record<string, string> | null;
  /** Running endpoints; absent in a list. */
  Containers?: Record<string, { Name: string }> | null;
}

export interface VolumeDetail {
  Name: string;
  Driver: string;
  Mountpoint: string;
  Labels: Record<string, string> | null;
}

export interface EngineEvent {
  /** `start`, `die`, `oom`, `health_status: healthy`, … */
  Action: string;
  Actor: { ID: string; Attributes: Record<string, string> };
}

export interface PullLine {
  status?: string;
  /** Layer id. */
  id?: string;
  progressDetail?: { current?: number; total?: number };
  error?: string;
  errorDetail?: { code?: number; message?: string };
}

export interface Credentials {
  username: string;
  password: string;
}

export interface EndpointSettings {
  Aliases?: string[] | undefined;
  Links?: string[] | undefined;
  IPAMConfig?:
    | {
        IPv4Address?: string | undefined;
        IPv6Address?: string | undefined;
        LinkLocalIPs?: string[] | undefined;
      }
    | undefined;
  MacAddress?: string | undefined;
  DriverOpts?: Record<string, string> | undefined;
}

export interface MountBody {
  Type: "bind" | "volume" | "tmpfs";
  Source?: string | undefined;
  Target: string;
  ReadOnly?: boolean | undefined;
  BindOptions?: { Propagation?: string | undefined } | undefined;
  VolumeOptions?: { NoCopy: boolean; Subpath?: string | undefined } | undefined;
  TmpfsOptions?: { SizeBytes?: number | undefined; Mode?: number | undefined } | undefined;
}

export interface HealthcheckBody {
  Test?: string[] | undefined;
  /** Nanoseconds, as all durations here. */
  Interval?: number | undefined;
  Timeout?: number | undefined;
  StartPeriod?: number | undefined;
  StartInterval?: number | undefined;
  Retries?: number | undefined;
}

export interface HostConfig {
  Binds?: string[] | undefined;
  Mounts?: MountBody[] | undefined;
  Tmpfs?: Record<string, string> | undefined;
  VolumesFrom?: string[] | undefined;
  PortBindings?: Record<string, { HostIp: string; HostPort: string }[]> | undefined;
  NetworkMode?: string | undefined;
  Links?: string[] | undefined;
  RestartPolicy?: { Name: string; MaximumRetryCount: number } | undefined;
  LogConfig?: { Type: string; Config: Record<string, string> } | undefined;
  ExtraHosts?: string[] | undefined;
  Dns?: string[] | undefined;
  DnsOptions?: string[] | undefined;
  DnsSearch?: string[] | undefined;
  GroupAdd?: string[] | undefined;
  Annotations?: Record<string, string> | undefined;
  Devices?:
    | { PathOnHost: string; PathInContainer: string; CgroupPermissions: string }[]
    | undefined;
  DeviceRequests?: DeviceRequestBody[] | undefined;
  DeviceCgroupRules?: string[] | undefined;
  CapAdd?: string[] | undefined;
  CapDrop?: string[] | undefined;
  SecurityOpt?: string[] | undefined;
  MaskedPaths?: string[] | undefined;
  ReadonlyPaths?: string[] | undefined;
  Privileged?: boolean | undefined;
  ReadonlyRootfs?: boolean | undefined;
  Init?: boolean | undefined;
  IpcMode?: string | undefined;
  PidMode?: string | undefined;
  UTSMode?: string | undefined;
  UsernsMode?: string | undefined;
  CgroupnsMode?: string | undefined;
  CgroupParent?: string | undefined;
  Runtime?: string | undefined;
  StorageOpt?: Record<string, string> | undefined;
  Sysctls?: Record<string, string> | undefined;
  Ulimits?: { Name: string; Soft: number; Hard: number }[] | undefined;
  NanoCpus?: number | undefined;
  CpuShares?: number | undefined;
  CpuPeriod?: number | undefined;
  CpuQuota?: number | undefined;
  CpuRealtimePeriod?: number | undefined;
  CpuRealtimeRuntime?: number | undefined;
  CpusetCpus?: string | undefined;
  Memory?: number | undefined;
  MemoryReservation?: number | undefined;
  MemorySwap?: number | undefined;
  MemorySwappiness?: number | undefined;
  PidsLimit?: number | undefined;
  ShmSize?: number | undefined;
  OomKillDisable?: boolean | undefined;
  OomScoreAdj?: number | undefined;
  BlkioWeight?: number | undefined;
  BlkioWeightDevice?: { Path: string; Weight: number }[] | undefined;
  BlkioDeviceReadBps?: ThrottleBody[] | undefined;
  BlkioDeviceReadIOps?: ThrottleBody[] | undefined;
  BlkioDeviceWriteBps?: ThrottleBody[] | undefined;
  BlkioDeviceWriteIOps?: ThrottleBody[] | undefined;
}

/** What the kernel lets the Engine enforce, of its `info`.
 *  @see https://docs.docker.com/reference/api/engine/version/v1.41/#tag/System/operation/SystemInfo */
export interface Enforced {
  MemoryLimit?: boolean;
  SwapLimit?: boolean;
  CpuCfsPeriod?: boolean;
  CpuCfsQuota?: boolean;
  CPUShares?: boolean;
  CPUSet?: boolean;
  PidsLimit?: boolean;
}

export type UpdateBody = Pick<
  HostConfig,
  | "Memory"
  | "MemoryReservation"
  | "MemorySwap"
  | "NanoCpus"
  | "CpuQuota"
  | "CpuPeriod"
  | "CpuShares"
  | "CpusetCpus"
  | "PidsLimit"
  | "RestartPolicy"
>;

export interface ThrottleBody {
  Path: string;
  Rate: number;
}

export interface DeviceRequestBody {
  Driver?: string | undefined;
  Count?: number | undefined;
  DeviceIDs?: string[] | undefined;
  Capabilities?: string[][] | undefined;
  Options?: Record<string, string> | undefined;
}

export interface CreateBody {
  Image: string;
  Cmd?: string[] | undefined;
  Entrypoint?: string[] | undefined;
  Env: string[];
  WorkingDir?: string | undefined;
  User?: string | undefined;
  Hostname?: string | undefined;
  Domainname?: string | undefined;
  MacAddress?: string | undefined;
  Tty: boolean;
  OpenStdin: boolean;
  StopSignal?: string | undefined;
  /** Seconds. */
  StopTimeout: number;
  Healthcheck?: HealthcheckBody | undefined;
  ExposedPorts: Record<string, Record<string, never>>;
  Labels: Record<string, string>;
  HostConfig: HostConfig;
  NetworkingConfig?: { EndpointsConfig: Record<string, EndpointSettings> } | undefined;
}

export interface NetworkBody {
  Name: string;
  /** Engines before API 1.44 would make a second network of the same name. */
  CheckDuplicate: boolean;
  Driver?: string | undefined;
  Options: Record<string, string>;
  Internal: boolean;
  Attachable: boolean;
  EnableIPv6: boolean;
  Labels: Record<string, string>;
  IPAM?:
    | {
        Driver: string;
        Options: Record<string, string>;
        Config: {
          Subnet?: string | undefined;
          IPRange?: string | undefined;
          Gateway?: string | undefined;
          AuxiliaryAddresses: Record<string, string>;
        }[];
      }
    | undefined;
}

export interface VolumeBody {
  Name: string;
  Driver?: string | undefined;
  DriverOpts: Record<string, string>;
  Labels: Record<string, string>;
}

export interface ExecBody {
  Cmd: string[];
  User?: string | undefined;
  Privileged: boolean;
  WorkingDir?: string | undefined;
  Env: string[];
  AttachStdout: boolean;
  AttachStderr: boolean;
}
