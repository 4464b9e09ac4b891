// The Engine's image calls: inspect, pull, and asking the registry.
import type { Credentials, ImageDetail, PullLine } from "./api.ts";
import { unless } from "./faults.ts";
import { documents } from "./stream.ts";
import type { Transport } from "./transport.ts";

export type ImageCalls = ReturnType<typeof imageCalls>;

export function imageCalls({ send, open }: Transport) {
  return {
    inspectImage: (image: string): Promise<ImageDetail | undefined> =>
      unless(
        [404],
        send<ImageDetail>({
          kind: "inspectImage",
          what: `inspect image ${image}`,
          method: "GET",
          path: `/images/${image}/json`,
          isRead: true,
        }),
        undefined,
      ),
    /** @param image.tag a tag or a digest; without one the Engine would fetch every tag
     *  @param options.limitMs to the first line */
    pullImage: async (
      image: { name: string; tag: string },
      options: {
        platform?: string | undefined;
        credentials?: Credentials | undefined;
        limitMs: number;
        signal: AbortSignal;
      },
    ): Promise<AsyncIterable<PullLine>> => {
      const { platform, ...rest } = options;
      const stream = await open({
        kind: "pull",
        what: `pull ${image.name}:${image.tag}`,
        method: "POST",
        path: "/images/create",
        query: {
          fromImage: image.name,
          tag: image.tag,
          ...(platform === undefined ? {} : { platform }),
        },
        ...rest,
      });
      return documents<PullLine>(stream);
    },
    /** Without force: 409 when a container has it. Takes a name away, and the image with its last one. */
    removeImage: (image: string): Promise<unknown> =>
      send({
        kind: "removeImage",
        what: `remove image ${image}`,
        method: "DELETE",
        path: `/images/${image}`,
      }),
    /** Where the Engine keeps images and containers. */
    dataRoot: async (): Promise<string | undefined> => {
      const info = await send<{ DockerRootDir?: string }>({
        kind: "info",
        what: "tell about itself",
        method: "GET",
        path: "/info",
        isRead: true,
      });
      return info.DockerRootDir;
    },
    /** Asks the registry, through the Engine, for the image's manifest: succeeds when it is there.
     *  @param image with tag or digest */
    probeImage: (image: string, credentials: Credentials | undefined): Promise<unknown> =>
      send({
        kind: "probeImage",
        what: `find ${image} in its registry`,
        method: "GET",
        path: `/distribution/${image}/json`,
        credentials,
      }),
  };
}
