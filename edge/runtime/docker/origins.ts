// Remembers which image each configuration was first made from: its tag may lead elsewhere the next time.
import { z } from "zod";
import type { ContainerSummary } from "#edge/runtime/docker/calls/api.ts";
import { label } from "#edge/runtime/docker/create/labels.ts";
import type { ObservedInstance, ResolvedApp } from "#edge/runtime/port.ts";
import { readList, writeList } from "./listfile.ts";

const Configuration = z.object({
  project: z.string(),
  service: z.string(),
  configHash: z.string(),
});
type Configuration = z.infer<typeof Configuration>;

const Origin = Configuration.extend({
  /** The Engine's id. */
  image: z.string(),
  /** It served when another configuration was about to take its place. */
  hasServed: z.boolean(),
});
type Origin = z.infer<typeof Origin>;
const List = z.array(Origin);

export interface Origins {
  /** The id of the image that the configuration was first made from. */
  of(configuration: Configuration): Promise<string | undefined>;
  /** To be called before the container is made, so that no power cut comes between the two.
   *  @param gone what the Engine no longer has: the only thing that another image may take the place of
   *  @returns what is remembered now; another copy of the configuration may have been first */
  note(
    configuration: Configuration,
    id: string,
    gone?: string,
  ): Promise<{ id: string; isNew: boolean }>;
  /** From the containers that this device has: a lost file, or an earlier agent, knew nothing of them. */
  learn(device: string, containers: readonly ContainerSummary[]): Promise<void>;
  /** The app is about to take the place of what serves. What failed here before is made from what its
   *  reference means now: somebody may have pushed a better image. */
  attempt(app: ResolvedApp, serving: readonly ObservedInstance[]): Promise<void>;
  /** Forgets all configurations but those of these apps.
   *  @returns whether one that is remembered, by then, was made from the image of this id */
  keepOnly(apps: readonly ResolvedApp[]): Promise<(image: string) => boolean>;
  forget(project: string): Promise<void>;
}

/** @param options.file absent: they are not remembered over a restart */
export function createOrigins({ file }: { file?: string } = {}): Origins {
  const origins = new Map<string, Origin>();
  let loading: Promise<void> | undefined;
  let saving = Promise.resolve();
  let isSaved = true;

  const load = (): Promise<void> => {
    loading ??= (file === undefined ? Promise.resolve([]) : readList(file, List)).then((all) => {
      for (const one of all) origins.set(keyOf(one), one);
    });
    return loading;
  };
  const put = (origin: Origin): void => {
    origins.set(keyOf(origin), origin);
    isSaved = false;
  };
  const drop = (isDropped: (origin: Origin, key: string) => boolean): void => {
    for (const [key, origin] of origins) {
      if (isDropped(origin, key) && origins.delete(key)) isSaved = false;
    }
  };
  /** A disk that is full or broken is told of elsewhere and keeps nothing from starting; the next round
   *  tries again. */
  const save = (): Promise<void> => {
    saving = saving.then(async () => {
      if (isSaved || file === undefined) return;
      isSaved = true;
      await writeList(file, [...origins.values()]).catch(() => {
        isSaved = false;
      });
    });
    return saving;
  };

  return {
    of: async (configuration) => {
      await load();
      return origins.get(keyOf(configuration))?.image;
    },
    note: async (configuration, id, gone) => {
      await load();
      const known = origins.get(keyOf(configuration))?.image;
      if (known !== undefined && known !== gone) return { id: known, isNew: false };
      put({ ...configuration, image: id, hasServed: false });
      await save();
      return { id, isNew: true };
    },
    learn: async (device, containers) => {
      await load();
      for (const { Labels: labels, ImageID: image } of containers) {
        const { data } = Configuration.safeParse({
          project: labels[label.project],
          service: labels[label.service],
          configHash: labels[label.configHash],
        });
        if (data === undefined || labels[label.device] !== device) continue;
        if (!origins.has(keyOf(data))) put({ ...data, image, hasServed: false });
      }
      await save();
    },
    attempt: async (app, serving) => {
      await load();
      const { project } = app;
      for (const { service, configHash } of serving) {
        const origin = origins.get(keyOf({ project, service, configHash }));
        if (origin?.hasServed === false) put({ ...origin, hasServed: true });
      }
      const own = keysOf(app);
      drop(({ hasServed }, key) => !hasServed && own.has(key));
      await save();
    },
    keepOnly: async (apps) => {
      await load();
      const kept = new Set(apps.flatMap((app) => [...keysOf(app)]));
      drop((_, key) => !kept.has(key));
      await save();
      return (image) => origins.values().some((origin) => origin.image === image);
    },
    forget: async (project) => {
      await load();
      drop((origin) => origin.project === project);
      await save();
    },
  };
}

function keysOf(app: ResolvedApp): Set<string> {
  return new Set(
    Object.entries(app.services).map(([service, { configHash }]) =>
      keyOf({ project: app.project, service, configHash }),
    ),
  );
}

function keyOf({ project, service, configHash }: Configuration): string {
  return `${project}/${service}/${configHash}`;
}
