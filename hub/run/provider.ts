// The provider port: whoever carries runs out on devices, and tells how far they came.
import type { DeviceId } from "#shared/ids.ts";
import type { RunOrder } from "#shared/run.ts";
import type { Run, RunFacts } from "./model.ts";

interface Delivery {
  device: DeviceId;
  /** Undefined: nothing is ordered of the device any more. */
  order: RunOrder | undefined;
}

/** Level-triggered on both ways: a delivery says what is ordered now, facts say what is known now. Both may be
 *  asked for at any time and as often as one likes. */
export interface Provider {
  /** @throws FleetError store_unavailable; it is then called again */
  deliver(deliveries: readonly Delivery[]): Promise<void>;
  facts(run: Run): Promise<RunFacts>;
}
