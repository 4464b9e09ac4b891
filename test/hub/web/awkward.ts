// What strains a page: the longest names, words without spaces, right-to-left text, markup, and logs like that.
import type { LiveLogs, LogItem } from "#hub/logs/port.ts";
import type { DeviceId } from "#shared/ids.ts";
import type { AppReport } from "#shared/reported.ts";
import { addDevice, appReport, commitOf, reportedState, revision } from "#test/hub/api/fixtures.ts";
import type { World } from "#test/hub/api/world.ts";

/** As long as the grammar allows. */
export const longDevice = `w${"-longest".repeat(8)}`.slice(0, 63) as DeviceId;
const longApp = `a${"_without_a_break".repeat(4)}`.slice(0, 63);
const longWord = "x".repeat(180);
const markup = '<img src=x onerror="alert(1)"><b>bold</b>';
/** Hebrew, with an override that turns what follows it around where nothing holds it in. */
const rightToLeft = "שלום עולם \u202e(reversed)";
const branch = `feature/${"very-long-".repeat(9)}name`;

/** A device in safe mode whose every word is awkward. */
export async function addAwkward(world: World): Promise<void> {
  const now = world.clock.now();
  const label = "L".repeat(63);
  const labels = { site: "s".repeat(63), role: "r".repeat(63), [label]: "V".repeat(63) };
  const apps = [
    awkwardApp(now),
    appReport("player", { current: { ...revision("first"), branch } }),
  ];
  await addDevice(world, longDevice, { labels, apps });
  const reported = reportedState(longDevice, { labels, apps });
  const { host, conditions } = reported;
  const message = `${markup} ${longWord}`;
  await world.store.changeDevices([
    {
      id: longDevice,
      reported: {
        ...reported,
        host: { ...host, model: longWord, kernel: rightToLeft },
        conditions: conditions.map((one) => ({ ...one, message, reason: "R".repeat(80) })),
        safeMode: { cause: "failedUpdates", message, since: now - 60_000, serves: "lastGood" },
      },
    },
  ]);
  const said = { device: longDevice, app: longApp, source: "device", type: "Warning" } as const;
  await world.store.addEvents([
    { ...said, at: now, reason: "R".repeat(80), message: rightToLeft },
    { ...said, at: now, reason: "Long", message },
  ]);
  const row = { branch, head: commitOf("first"), accepted: commitOf("first"), checkedAt: now };
  await world.store.saveBranch({ ...row, refusal: `${longWord} ${rightToLeft}` });
}

function awkwardApp(now: number): AppReport {
  const [service] = appReport(longApp).services;
  if (service === undefined) throw new Error("the fixtures have no service");
  return appReport(longApp, {
    ...{ sync: "OutOfSync", health: "Degraded", step: "pull", progress: 0.5 },
    current: { ...revision("first"), branch, role: "r".repeat(63) },
    target: revision("second"),
    failure: { code: "unhealthy", message: longWord, hint: rightToLeft, at: now },
    why: [
      { reason: "DiskShort", message: `${longWord} is short by 120 MB` },
      { reason: "ImagesHeld", message: rightToLeft },
      { reason: "WindowClosed", message: markup },
    ],
    services: [{ ...service, name: "s".repeat(63), image: `${longWord}@sha256:${longWord}` }],
  });
}

const lines: LogItem[] = ["plain", longWord, rightToLeft, markup].map((text, index) => ({
  kind: "line",
  line: {
    at: 1000 * index,
    from: `${longApp}/web`,
    stream: index === 1 ? "stderr" : "stdout",
    text,
  },
}));

/** Always the same lines. A reader that follows then hears nothing more. */
export const awkwardLogs: LiveLogs = {
  open: async (_device, { follow }) => {
    const { promise: closed, resolve: close } = Promise.withResolvers<void>();
    return { close, [Symbol.asyncIterator]: () => said(follow, closed) };
  },
  counts: () => ({ streams: 0, readers: 0, lines: 0, droppedBytes: 0 }),
  stop: () => undefined,
};

async function* said(follow: boolean, closed: Promise<void>): AsyncGenerator<LogItem> {
  yield* lines;
  yield { kind: "dropped", bytes: 1_200_000 };
  if (follow) await closed;
  else yield { kind: "end", reason: "complete", message: "that is all" };
}
