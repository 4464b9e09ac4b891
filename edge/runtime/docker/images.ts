// Keeps a list of the images that this agent has fetched, and removes those of them that no release needs.
import { join } from "node:path";
import { z } from "zod";
import { statusOf } from "#edge/runtime/docker/calls/faults.ts";
import type { ResolvedApp } from "#edge/runtime/port.ts";
import { asFleetError } from "#shared/errors.ts";
import type { Engine } from "./engine.ts";
import { readList, writeList } from "./listfile.ts";
import { createOrigins, type Origins } from "./origins.ts";
import { fullName, parseReference } from "./reference.ts";
import { type PullRoom, watchRoom } from "./room.ts";

const OwnImage = z.object({
  /** In full, e.g. `ghcr.io/team/robot:1`. */
  reference: z.string(),
  /** The Engine's id of what the pull brought; a tag may lead elsewhere by now. */
  id: z.string(),
});
type OwnImage = z.infer<typeof OwnImage>;
const List = z.array(OwnImage);

interface Options {
  engine: Engine;
  /** Of the agent's data: `images.json` lists what was fetched, `origins.json` what copies were made from. */
  directory: string;
  room?: PullRoom;
}

export interface ImageKeeper {
  /** The Engine with pulls that are watched and written down. */
  engine: Engine;
  origins: Origins;
  /** Removes images that this agent has fetched and that no container has, but for what these apps name and
   *  what their copies were first made from. What was on the Engine before the agent is never on the list.
   *  @returns references of what was removed */
  collect(kept: readonly ResolvedApp[]): Promise<string[]>;
}

export function createImageKeeper({ engine, directory, room }: Options): ImageKeeper {
  const list = createList(join(directory, "images.json"));
  const origins = createOrigins({ file: join(directory, "origins.json") });
  /** What a pull has looked for since the collection began: it may rest on what it found. */
  const asked = new Set<string>();

  const inspectImage: Engine["inspectImage"] = (image) => {
    asked.add(fullName(parseReference(image)));
    return engine.inspectImage(image);
  };

  /** Written down before the first byte: an image that nobody remembers would stay for ever. */
  const pullImage: Engine["pullImage"] = async (image, options) => {
    const reference = fullName(parseReference(referenceOf(image)));
    const before = await engine.inspectImage(reference);
    const own = (await list.read()).filter((one) => one.reference === reference);
    // The power went before it was written down what an earlier pull had brought.
    const isOpen = own.some(({ id }) => id === "");
    if (isOpen && before !== undefined) await list.add({ reference, id: before.Id });
    const lines = await engine.pullImage(image, options);
    const watched = room === undefined ? lines : watchRoom(reference, lines, room);
    return before !== undefined && own.length === 0 ? watched : noted(watched, reference);
  };

  async function* noted<T>(lines: AsyncIterable<T>, reference: string): AsyncGenerator<T> {
    await list.add({ reference, id: "" });
    try {
      yield* lines;
    } catch (error) {
      if (asFleetError(error).code === "disk_short") await giveUpFormer(reference);
      throw error;
    }
    const arrived = await engine.inspectImage(reference);
    if (arrived !== undefined) await list.add({ reference, id: arrived.Id });
  }

  /** The next try finds more room. What serves is in a container, so this update's way back stays. */
  const giveUpFormer = async (reference: string): Promise<void> => {
    for (const own of (await list.read()).filter((one) => one.reference === reference)) {
      await settle(engine, own, { isNamed: () => true, isOrigin: () => false });
    }
  };

  return {
    engine: { ...engine, pullImage, inspectImage },
    origins,
    collect: async (kept) => {
      asked.clear();
      const names = new Set(kept.flatMap(namesOf));
      const isOrigin = await origins.keepOnly(kept);
      const removed: string[] = [];
      for (const own of await list.read()) {
        const { reference } = own;
        const isNamed = () => names.has(reference) || asked.has(reference);
        const done = await settle(engine, own, { isNamed, isOrigin });
        if (done === "removed") removed.push(reference);
        if (done !== "stays") await list.remove(own);
      }
      return removed;
    },
  };
}

function namesOf(app: ResolvedApp): string[] {
  const images = Object.values(app.services).flatMap(({ spec }) => spec.image ?? []);
  return images.map((image) => fullName(parseReference(image)));
}

function referenceOf({ name, tag }: { name: string; tag: string }): string {
  return `${name}${tag.includes(":") ? "@" : ":"}${tag}`;
}

/** By its name where that still leads to what was fetched; a tag that moved on leaves an image without a
 *  name, which goes by its id. What got another name meanwhile is somebody else's. */
async function settle(
  engine: Engine,
  { reference, id }: OwnImage,
  { isNamed, isOrigin }: { isNamed: () => boolean; isOrigin: (id: string) => boolean },
): Promise<"removed" | "stays" | "forgotten"> {
  const named = await engine.inspectImage(reference);
  if (named === undefined && isNamed()) return "stays";
  if (named !== undefined && (id === "" || named.Id === id)) {
    if (isNamed() || isOrigin(named.Id)) return "stays";
    return (await removed(engine, reference)) ? "removed" : "stays";
  }
  const moved = id === "" ? undefined : await engine.inspectImage(id);
  if (moved === undefined || (moved.RepoTags ?? []).length > 0) return "forgotten";
  return !isOrigin(id) && (await removed(engine, id)) ? "removed" : "stays";
}

/** Without force: an image that a container has, running or not, is refused with 409. What the Engine cannot
 *  remove for another reason, as on a damaged disk, must not keep the others. */
async function removed(engine: Engine, image: string): Promise<boolean> {
  return engine.removeImage(image).then(
    () => true,
    (error: unknown) => {
      if (statusOf(error) !== undefined) return false;
      throw error;
    },
  );
}

function createList(file: string) {
  let last: Promise<unknown> = Promise.resolve();
  // Images of a list that cannot be read are taken for those of strangers.
  const read = (): Promise<OwnImage[]> => readList(file, List);
  /** One change after the other: several images may come at once. */
  const change = (edited: (all: OwnImage[]) => OwnImage[]): Promise<void> => {
    const done = last.then(async () => writeList(file, edited(await read())));
    last = done.catch(() => undefined);
    return done;
  };
  const isSame = (one: OwnImage, other: OwnImage): boolean =>
    one.reference === other.reference && (one.id === other.id || one.id === "");
  return {
    read,
    add: (own: OwnImage) => change((all) => [...all.filter((one) => !isSame(one, own)), own]),
    remove: (own: OwnImage) =>
      change((all) => all.filter((one) => one.reference !== own.reference || one.id !== own.id)),
  };
}
