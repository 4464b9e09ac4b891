// agent.yaml as it stands in the file: every field with its unit and default.
import { z } from "zod";
import { DeviceId, Labels, LabelValue } from "#shared/ids.ts";

const seconds = (least: number, most: number) => z.number().min(least).max(most);
const port = z.number().int().min(0).max(65_535);

/** One registry's login: the password here, or better in a file that only the agent can read. */
const Registry = z
  .strictObject({
    username: z.string().min(1),
    password: z.string().min(1).exactOptional(),
    /** Path; the file's first line is the password. Relative to agent.yaml. */
    passwordFile: z.string().min(1).exactOptional(),
  })
  .refine(
    ({ password, passwordFile }) => (password === undefined) !== (passwordFile === undefined),
    {
      message: "needs either password or passwordFile",
    },
  );

const Hub = z
  .strictObject({
    /** Base address of the hub's HTTP API, e.g. `https://hub.example.org:7080`. */
    url: z.url({ protocol: /^https?$/, error: "must be an http:// or https:// address" }),
    /** Address of the broker. Default: the one that the hub names at enrolment. */
    mqtt: z
      .url({
        protocol: /^(mqtts?|wss?)$/,
        error: "must be an mqtt://, mqtts://, ws:// or wss:// address",
      })
      .exactOptional(),
    /** Single-use enrolment token; not read any more once the device is enrolled. */
    token: z.string().min(16).max(256).exactOptional(),
    /** File that holds the token instead. Relative to agent.yaml. */
    tokenFile: z.string().min(1).exactOptional(),
    /** Seconds between two signs of life on an idle MQTT connection; one that is half open is noticed
     *  within twice this. Default: 30. */
    keepaliveSeconds: z.number().int().min(2).max(3600).default(30),
    /** Seconds of silence after which the device calls itself isolated. Default: 300. */
    isolatedAfterSeconds: z.number().min(1).max(604_800).default(300),
  })
  .refine(({ token, tokenFile }) => token === undefined || tokenFile === undefined, {
    message: "takes either token or tokenFile, not both",
  });

export const AgentFile = z.strictObject({
  /** The device's id in the fleet. No default. */
  device: DeviceId,
  /** Name that the device reports. Default: the machine's own. */
  hostname: z.string().min(1).max(253).exactOptional(),
  /** Labels for selectors; `devices/<id>.yaml` in the fleet repository overrides them. Default: none. */
  labels: Labels.default({}),
  /** Short for the label `site`. */
  site: LabelValue.exactOptional(),
  /** Short for the label `segment`. */
  segment: LabelValue.exactOptional(),
  /** Short for the label `role`. */
  role: LabelValue.exactOptional(),
  /** Short for the label `branch`. */
  branch: LabelValue.exactOptional(),
  hub: Hub,
  /** Where the journal, the releases and the identity lie. Relative to agent.yaml.
   *  Default: `/var/lib/metrica-fleet`. */
  dataDirectory: z.string().min(1).default("/var/lib/metrica-fleet"),
  /** Where apps put their lock files and find the sockets for their telemetry; best on a tmpfs. Relative
   *  to agent.yaml. Default: `/run/fleet`. */
  runDirectory: z.string().min(1).default("/run/fleet"),
  /** Seconds between two looks at a converged device; a new desired state wakes it at once. Default: 10. */
  interval: seconds(1, 86_400).default(10),
  /** Seconds between two heartbeats; the hub calls a device stale after three. Default: 10. */
  heartbeatSeconds: seconds(1, 3600).default(10),
  /** Where services run that name no runtime. `auto`: docker where an Engine answers. Default: auto. */
  runtime: z.enum(["auto", "docker", "process"]).default("auto"),
  docker: z
    .strictObject({
      /** The Engine's Unix socket. Default: `/var/run/docker.sock`. */
      socket: z.string().min(1).default("/var/run/docker.sock"),
    })
    .prefault({}),
  /** Stands before each app's name in its Compose project name, so that several agents can share one
   *  Engine. Default: empty. */
  projectPrefix: z
    .string()
    .regex(/^([a-z0-9][a-z0-9_-]{0,30})?$/, "must be up to 31 characters of a-z, 0-9, _ and -")
    .default(""),
  /** Logins by registry host, e.g. `registry.example.org:5000`. Default: none. */
  registries: z
    .record(z.string().regex(/^[^/\s]+$/, "must be a host without a path"), Registry)
    .default({}),
  /** The device's own API and status page. */
  page: z
    .strictObject({
      /** Address to listen on. Default: 127.0.0.1; anything else shows the status to the network. */
      host: z.string().min(1).default("127.0.0.1"),
      /** TCP port; 0 takes a free one. Default: 7090. */
      port: port.default(7090),
      /** Where the token for the page's buttons is written, for people at the device to read. Relative to
       *  agent.yaml. Default: `page-token` in the data directory. */
      tokenFile: z.string().min(1).exactOptional(),
    })
    .prefault({}),
  /** Whether services go on when the agent is told to stop. Default: keep. */
  workloadsOnStop: z.enum(["keep", "stop"]).default("keep"),
  log: z
    .strictObject({
      /** Default: info. */
      level: z.enum(["fatal", "error", "warn", "info", "debug", "trace"]).default("info"),
    })
    .prefault({}),
  journal: z
    .strictObject({
      /** Bound of the journal's database in MB (10^6 bytes). Default: 256. */
      maxMegabytes: z.number().min(4).max(65_536).default(256),
    })
    .prefault({}),
  disk: z
    .strictObject({
      /** MB (10^6 bytes) of the disk that no download takes. Default: 200. */
      reserveMegabytes: z.number().min(0).max(1_000_000).default(200),
      /** MB kept in a file that is given up on a full disk, so that the journal can still be written.
       *  0: none. Default: 16. */
      ballastMegabytes: z.number().min(0).max(1024).default(16),
    })
    .prefault({}),
  /** How runs change the machine itself. The fleet names no command: only this file does. */
  machine: z
    .strictObject({
      /** Program and arguments that restart the device. Default: `[systemctl, reboot]`. */
      reboot: z.array(z.string().min(1)).min(1).default(["systemctl", "reboot"]),
      /** Program and arguments that change the network; called with `save`, `apply` or `restore` behind them.
       *  Default: none, and steps that configure the network fail. */
      network: z.array(z.string().min(1)).min(1).exactOptional(),
      /** File that names the present boot: in a container, where the kernel's is the host's, one that is new at
       *  each start. Relative to agent.yaml. Default: `/proc/sys/kernel/random/boot_id`. */
      bootIdFile: z.string().min(1).default("/proc/sys/kernel/random/boot_id"),
    })
    .prefault({}),
  safeMode: z
    .strictObject({
      /** Seconds for which the agent must work well before its start counts as good. Five starts in ten
       *  minutes of which none was are a boot loop. Default: 30. */
      healthySeconds: seconds(0.1, 300).default(30),
    })
    .prefault({}),
});
export type AgentFile = z.infer<typeof AgentFile>;
