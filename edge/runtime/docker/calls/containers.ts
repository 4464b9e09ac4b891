// The Engine's container calls, each with its path, documents and meaning of "not found".
import type { Readable } from "node:stream";
import type {
  ContainerDetail,
  ContainerSummary,
  CreateBody,
  Enforced,
  EngineEvent,
  ExecBody,
  UpdateBody,
} from "./api.ts";
import { statusOf, unless } from "./faults.ts";
import { documents, headText } from "./stream.ts";
import type { Transport } from "./transport.ts";

/** The Engine waits for the grace period itself; a slow disk may take some time more. */
const stopMarginMs = 30_000;
export type ContainerCalls = ReturnType<typeof containerCalls>;

export function containerCalls({ send, open }: Transport) {
  return {
    /** All containers, stopped ones included, that carry every label. */
    listContainers: (labels: string[]): Promise<ContainerSummary[]> =>
      send({
        kind: "list",
        what: "list containers",
        method: "GET",
        path: "/containers/json",
        query: { all: 1, filters: { label: labels } },
        isRead: true,
      }),
    /** @param container id or name; undefined when there is none */
    inspectContainer: (container: string): Promise<ContainerDetail | undefined> =>
      unless(
        [404],
        send<ContainerDetail>({
          kind: "inspect",
          what: `inspect container ${container}`,
          method: "GET",
          path: `/containers/${container}/json`,
          isRead: true,
        }),
        undefined,
      ),
    /** @returns the id */
    createContainer: async (name: string, body: CreateBody, platform?: string): Promise<string> => {
      const made = await send<{ Id: string }>({
        kind: "create",
        what: `create container ${name}`,
        method: "POST",
        path: "/containers/create",
        query: { name, ...(platform === undefined ? {} : { platform }) },
        body,
      });
      return made.Id;
    },
    startContainer: (container: string, name: string): Promise<void> =>
      send({
        kind: "start",
        what: `start container ${name}`,
        method: "POST",
        path: `/containers/${container}/start`,
      }),
    unpauseContainer: (container: string): Promise<void> =>
      send({
        kind: "unpause",
        what: `unpause container ${container}`,
        method: "POST",
        path: `/containers/${container}/unpause`,
      }),
    /** Changes limits and restart policy in place. */
    updateContainer: (container: string, body: UpdateBody): Promise<unknown> =>
      send({
        kind: "update",
        what: `update container ${container}`,
        method: "POST",
        path: `/containers/${container}/update`,
        body,
      }),
    enforces: (): Promise<Enforced> =>
      send({
        kind: "info",
        what: "tell what it enforces",
        method: "GET",
        path: "/info",
        isRead: true,
      }),
    /** Nothing happens when it is gone. @param graceSeconds until SIGKILL */
    stopContainer: (container: string, graceSeconds: number): Promise<void> =>
      unless(
        [404],
        send<void>({
          kind: "stop",
          what: `stop container ${container}`,
          method: "POST",
          path: `/containers/${container}/stop`,
          query: { t: graceSeconds },
          limitMs: graceSeconds * 1000 + stopMarginMs,
        }),
        undefined,
      ),
    restartContainer: (container: string, graceSeconds: number): Promise<void> =>
      send({
        kind: "restart",
        what: `restart container ${container}`,
        method: "POST",
        path: `/containers/${container}/restart`,
        query: { t: graceSeconds },
        limitMs: graceSeconds * 1000 + stopMarginMs,
      }),
    /** `taken`: another container has the name. */
    renameContainer: (container: string, name: string): Promise<"done" | "taken"> =>
      unless(
        [409],
        send<void>({
          kind: "rename",
          what: `rename container ${container.slice(0, 12)} to ${name}`,
          method: "POST",
          path: `/containers/${container}/rename`,
          query: { name },
        }).then(() => "done" as const),
        "taken" as const,
      ),
    /** `busy`: the Engine is already removing it. @param withVolumes those that it has named itself */
    removeContainer: async (
      container: string,
      { withVolumes }: { withVolumes: boolean },
    ): Promise<"gone" | "busy"> => {
      const call = send<void>({
        kind: "remove",
        what: `remove container ${container}`,
        method: "DELETE",
        path: `/containers/${container}`,
        query: { v: withVolumes ? 1 : 0, force: 1 },
      });
      return call.then(
        () => "gone",
        (error: unknown) => {
          if (statusOf(error) === 404) return "gone";
          if (statusOf(error) === 409) return "busy";
          throw error;
        },
      );
    },
    /** The raw log: frames, or plain bytes where the container has a terminal. */
    readLogs: (container: string, query: Record<string, unknown>): Promise<Buffer> =>
      send({
        kind: "logs",
        what: `read the log of container ${container}`,
        method: "GET",
        path: `/containers/${container}/logs`,
        query,
      }),
    /** The same as it comes; with `follow` until the container stops. */
    openLogs: (
      container: string,
      query: Record<string, unknown>,
      signal: AbortSignal,
    ): Promise<Readable> =>
      open({
        kind: "logs",
        what: `read the log of container ${container}`,
        method: "GET",
        path: `/containers/${container}/logs`,
        query,
        signal,
      }),
    /** Runs a command in the container to its end.
     *  @returns its exit code and what it printed, up to a bound */
    exec: async (
      container: string,
      body: ExecBody,
      signal: AbortSignal,
    ): Promise<{ exitCode: number; output: string }> => {
      const what = `run ${body.Cmd.join(" ")} in container ${container}`;
      const base = { kind: "exec", what, signal } as const;
      const path = `/containers/${container}/exec`;
      const { Id } = await send<{ Id: string }>({ ...base, method: "POST", path, body });
      const start = { Detach: false, Tty: false };
      const stream = await open({
        ...base,
        method: "POST",
        path: `/exec/${Id}/start`,
        body: start,
      });
      const output = await headText(stream);
      const ended = await send<{ ExitCode: number | null }>({
        ...base,
        method: "GET",
        path: `/exec/${Id}/json`,
      });
      return { exitCode: ended.ExitCode ?? -1, output };
    },
    /** Container events with every label, as they happen, until the signal or the Engine ends them. */
    events: async (
      filters: { event: string[]; label: string[] },
      signal: AbortSignal,
    ): Promise<AsyncIterable<EngineEvent>> => {
      const stream = await open({
        kind: "events",
        what: "send events",
        method: "GET",
        path: "/events",
        query: { filters: { type: ["container"], ...filters } },
        isRead: true,
        signal,
      });
      return documents<EngineEvent>(stream);
    },
  };
}
