// The Engine's network and volume calls.
import type {
  EndpointSettings,
  NetworkBody,
  NetworkDetail,
  VolumeBody,
  VolumeDetail,
} from "./api.ts";
import { statusOf, unless } from "./faults.ts";
import type { Transport } from "./transport.ts";

export type StoreCalls = ReturnType<typeof storeCalls>;

export function storeCalls({ send }: Transport) {
  return {
    inspectNetwork: (name: string): Promise<NetworkDetail | undefined> =>
      unless(
        [404],
        send<NetworkDetail>({
          kind: "inspectNetwork",
          what: `inspect network ${name}`,
          method: "GET",
          path: `/networks/${name}`,
          isRead: true,
        }),
        undefined,
      ),
    listNetworks: (labels: string[]): Promise<NetworkDetail[]> =>
      send({
        kind: "listNetworks",
        what: "list networks",
        method: "GET",
        path: "/networks",
        query: { filters: { label: labels } },
        isRead: true,
      }),
    createNetwork: (body: NetworkBody): Promise<unknown> =>
      send({
        kind: "createNetwork",
        what: `create network ${body.Name}`,
        method: "POST",
        path: "/networks/create",
        body,
      }),
    connectNetwork: (network: string, container: string, endpoint: EndpointSettings) =>
      send<void>({
        kind: "connect",
        what: `connect container ${container} to network ${network}`,
        method: "POST",
        path: `/networks/${network}/connect`,
        body: { Container: container, EndpointConfig: endpoint },
      }),
    /** `busy`: something that is not ours is still attached. */
    removeNetwork: (id: string): Promise<"gone" | "busy"> =>
      send<void>({
        kind: "removeNetwork",
        what: `remove network ${id}`,
        method: "DELETE",
        path: `/networks/${id}`,
      }).then(
        () => "gone",
        (error: unknown) => {
          const status = statusOf(error) ?? 0;
          if (status === 404) return "gone";
          if (status === 403 || status === 409) return "busy";
          throw error;
        },
      ),
    inspectVolume: (name: string): Promise<VolumeDetail | undefined> =>
      unless(
        [404],
        send<VolumeDetail>({
          kind: "inspectVolume",
          what: `inspect volume ${name}`,
          method: "GET",
          path: `/volumes/${name}`,
          isRead: true,
        }),
        undefined,
      ),
    listVolumes: (labels: string[]): Promise<{ Volumes: VolumeDetail[] | null }> =>
      send({
        kind: "listVolumes",
        what: "list volumes",
        method: "GET",
        path: "/volumes",
        query: { filters: { label: labels } },
        isRead: true,
      }),
    /** `busy`: a container still has it. */
    removeVolume: (name: string): Promise<"gone" | "busy"> =>
      send<void>({
        kind: "removeVolume",
        what: `remove volume ${name}`,
        method: "DELETE",
        path: `/volumes/${name}`,
      }).then(
        () => "gone",
        (error: unknown) => {
          if (statusOf(error) === 404) return "gone";
          if (statusOf(error) === 409) return "busy";
          throw error;
        },
      ),
    createVolume: (body: VolumeBody): Promise<unknown> =>
      send({
        kind: "createVolume",
        what: `create volume ${body.Name}`,
        method: "POST",
        path: "/volumes/create",
        body,
      }),
  };
}
