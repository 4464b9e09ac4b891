// Runs by the devices' own agents: ordered in the desired state, told by journal and report.
import type { Store } from "#hub/store/port.ts";
import type { DeviceId } from "#shared/ids.ts";
import type { Provider } from "./provider.ts";

export function createAgentProvider(parts: {
  store: Pick<Store, "runEntries" | "runHeardAt" | "device">;
  /** It asks the book for the order itself, as whenever it looks at a device. */
  desired: { reconcile(ids: readonly DeviceId[]): Promise<void> };
}): Provider {
  const { store, desired } = parts;
  return {
    deliver: (deliveries) => desired.reconcile(deliveries.map(({ device }) => device)),
    facts: async (run) => {
      const entries = await store.runEntries(run);
      const loggedAt = (await store.runHeardAt(run)) ?? undefined;
      const device = await store.device(run.device);
      return { entries, loggedAt, report: device?.reported?.run };
    },
  };
}
