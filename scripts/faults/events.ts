// What the device says has happened: the reasons of its events, as they reach the hub.
import type { Device } from "./device.ts";
import type { StoredEntry } from "./hub.ts";
import type { World } from "./world.ts";

export interface Events {
  /** Of those that came after the first look, the newest first. */
  reasons(): Promise<string[]>;
}

/** Looks first, so that older events do not count. */
export async function eventsFrom({ hub }: World, { id }: Device): Promise<Events> {
  const [newest] = (await hub.journal(id)).items;
  const isNewest = ({ epoch, seq }: StoredEntry): boolean =>
    epoch === newest?.epoch && seq === newest.seq;
  return {
    reasons: async () => {
      const { items } = await hub.journal(id);
      const end = items.findIndex(isNewest);
      const events = items
        .slice(0, end < 0 ? undefined : end)
        .filter((item) => item.kind === "event");
      return events.map(({ body }) => String(body["reason"]));
    },
  };
}
