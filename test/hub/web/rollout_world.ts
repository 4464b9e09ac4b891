// A rollout that has halted in its second step, its devices sent back, for tests and pictures of its page.
import type { RolloutChange, RolloutRow } from "#hub/store/rollout_port.ts";
import type { DeviceId } from "#shared/ids.ts";
import { addRollout } from "#test/hub/api/fixtures.ts";
import { enrol, type World } from "#test/hub/api/world.ts";

const crashed = "refused or rolled back: service robot ended with code 139 three times";

/** @returns its number */
export async function addHaltedRollout(world: World): Promise<number> {
  for (let at = 0; at < 24; at += 1) {
    const id = `robot-${String(at).padStart(2, "0")}`;
    await enrol(world, id, at === 3 ? { role: "canary" } : {});
    await world.store.changeDevices([{ id: id as DeviceId, connection: "Online" }]);
  }
  const id = await addRollout(world);
  const row = await world.store.rollout(id);
  if (row === null) throw new Error("the fixtures began no rollout");
  await world.store.changeRollout(await haltOf(world, row));
  await world.rollouts.reload();
  return id;
}

async function haltOf(world: World, row: RolloutRow): Promise<RolloutChange> {
  const members = (await world.store.rolloutMembers(row.id)).map(({ member }) => member);
  const canary = members.filter(({ device }) => device === "robot-03");
  const others = members.filter(({ device }) => device !== "robot-03");
  const given = {
    ...{ step: 1, deadlineAt: null, reason: "the rollout halted" },
    state: "Reverted" as const,
  };
  const split = { failed: 3, failedOf: 3, succeededOf: 6 };
  return {
    ...{ id: row.id, version: row.version, isQuarantined: true, joined: [], events: [] },
    head: { ...row.head, state: "Halted", step: 1 },
    suspects: [
      { key: "model", value: "Raspberry Pi 3", ...split, succeeded: 0, chance: 0.048 },
      { key: "kernel", value: "6.6.31", ...split, succeeded: 2, chance: 0.41 },
      { key: "label site", value: "north", ...split, failed: 1, succeeded: 3, chance: 1 },
    ],
    marks: [
      ...canary.map((one) => ({ ...one, ...given, step: 0 })),
      ...others.slice(0, 3).map((one) => ({
        ...{ ...one, ...given, reason: `${crashed}; ${given.reason}` },
      })),
      ...others.slice(3, 11).map((one) => ({ ...one, ...given })),
    ],
    now: world.clock.now(),
  };
}
