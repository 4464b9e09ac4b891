// Keeps a list of the images that this agent has fetched, and removes those of them that no release names.
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { z } from "zod";
import { statusOf } from "#edge/runtime/docker/calls/faults.ts";
import { ifPresent, makeDirectory, writeFileAtomic } from "#shared/files.ts";
import type { Engine } from "./engine.ts";
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
  /** The list, as JSON. */
  file: string;
  room?: PullRoom;
}

export interface ImageKeeper {
  /** The Engine with pulls that are watched and written down. */
  engine: Engine;
  /** Removes images that this agent has fetched, that `kept` does not name and that no container has. What
   *  was on the Engine before the agent is never on the list.
   *  @returns references of what was removed */
  collect(kept: ReadonlySet<string>): Promise<string[]>;
}

export function createImageKeeper({ engine, file, room }: Options): ImageKeeper {
  const list = createList(file);
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
    const known = (await list.read()).some((one) => one.reference === reference);
    const lines = await engine.pullImage(image, options);
    const watched = room === undefined ? lines : watchRoom(reference, lines, room);
    return before !== undefined && !known ? watched : noted(watched, reference);
  };

  async function* noted<T>(lines: AsyncIterable<T>, reference: string): AsyncGenerator<T> {
    await list.add({ reference, id: "" });
    yield* lines;
    const arrived = await engine.inspectImage(reference);
    if (arrived !== undefined) await list.add({ reference, id: arrived.Id });
  }

  return {
    engine: { ...engine, pullImage, inspectImage },
    collect: async (kept) => {
      asked.clear();
      const names = new Set([...kept].map((image) => fullName(parseReference(image))));
      const removed: string[] = [];
      for (const own of await list.read()) {
        const { reference } = own;
        const isKept = () => names.has(reference) || asked.has(reference);
        const done = await settle(engine, own, isKept);
        if (done === "removed") removed.push(reference);
        if (done !== "stays") await list.remove(own);
      }
      return removed;
    },
  };
}

function referenceOf({ name, tag }: { name: string; tag: string }): string {
  return `${name}${tag.includes(":") ? "@" : ":"}${tag}`;
}

/** By its name where that still leads to what was fetched; a tag that moved on leaves an image without a
 *  name, which goes by its id. What got another name meanwhile is somebody else's. */
async function settle(
  engine: Engine,
  { reference, id }: OwnImage,
  isKept: () => boolean,
): Promise<"removed" | "stays" | "forgotten"> {
  const named = await engine.inspectImage(reference);
  if (named === undefined && isKept()) return "stays";
  if (named !== undefined && (id === "" || named.Id === id)) {
    return !isKept() && (await removed(engine, reference)) ? "removed" : "stays";
  }
  const moved = id === "" ? undefined : await engine.inspectImage(id);
  if (moved === undefined || (moved.RepoTags ?? []).length > 0) return "forgotten";
  return (await removed(engine, id)) ? "removed" : "stays";
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
  const read = async (): Promise<OwnImage[]> => {
    const text = await ifPresent(readFile(file, "utf8"));
    try {
      return text === undefined ? [] : List.parse(JSON.parse(text));
    } catch {
      // Images of a list that cannot be read are taken for those of strangers.
      return [];
    }
  };
  /** One change after the other: several images may come at once. */
  const change = (edited: (all: OwnImage[]) => OwnImage[]): Promise<void> => {
    const done = last.then(async () => {
      await makeDirectory(dirname(file));
      await writeFileAtomic(file, `${JSON.stringify(edited(await read()), null, 2)}\n`);
    });
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
