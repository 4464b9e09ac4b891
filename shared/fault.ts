// Named points at which a test can end or hang this process; they cost one comparison when unset.

/** What happens at the point: SIGKILL to this very process, or a main thread that never comes back. */
const acts = {
  kill: () => process.kill(process.pid, "SIGKILL"),
  hang: () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0),
} as const;

type Act = keyof typeof acts;

const setting = process.env["FLEET_FAULT"];
const [armed, act = "kill"] = setting?.split("=") ?? [];

/** `FLEET_FAULT=after:swap` kills at that point, `FLEET_FAULT=after:swap=hang` hangs there.
 *  `before:<stage>`: it is journalled as begun and nothing was done; `after:<stage>`: all was done and the
 *  outcome is not yet journalled. */
export function faultPoint(point: `${"before" | "after"}:${string}`): void {
  if (point === armed) acts[act as Act]?.();
}
