// The API's part about rollouts, as the command uses it.
import type { BisectView } from "#hub/api/bisect.ts";
import type { PreviewView } from "#hub/api/preview.ts";
import type { RolloutDevice, RolloutSummary, RolloutView } from "#hub/api/rollout_view.ts";
import type { HaltView } from "#hub/api/rollouts.ts";
import type { ListOf } from "#hub/api/schema.ts";
import type { OrderName } from "#hub/rollout/advance/order.ts";
import type { Http } from "./http.ts";
import { items } from "./pages.ts";

export interface RolloutFilter {
  deployment?: string;
  state?: string;
}

export interface RolloutCalls {
  /** Newest first. */
  list(filter: RolloutFilter, limit: number): Promise<RolloutSummary[]>;
  get(id: number): Promise<RolloutView>;
  /** All of them, in the order of their release. */
  devices(id: number): Promise<RolloutDevice[]>;
  preview(deployment: string, commit?: string): Promise<PreviewView>;
  order(
    id: number,
    name: OrderName,
    body: { reason: string; heal?: boolean; step?: number },
  ): Promise<RolloutView>;
  fleetHalt(): Promise<HaltView>;
  orderFleet(act: "halt" | "resume", reason: string): Promise<HaltView>;
  bisect(id: number): Promise<BisectView>;
  beginBisect(id: number, body: { reason: string; devices?: string[] }): Promise<BisectView>;
  cancelBisect(id: number, reason: string): Promise<BisectView>;
}

export function rolloutCalls(http: Pick<Http, "json">): RolloutCalls {
  const read = <T>(path: string, query = {}): Promise<T> =>
    http.json<T>({ method: "GET", path, query });
  const post = <T>(path: string, body: unknown): Promise<T> =>
    http.json<T>({ method: "POST", path, body });
  const pathOf = (id: number): string => `/v1/rollouts/${id}`;
  return {
    list: async (filter, limit) =>
      (await read<ListOf<RolloutSummary>>("/v1/rollouts", { ...filter, limit })).items,
    get: (id) => read(pathOf(id)),
    devices: async (id) => {
      const all: RolloutDevice[] = [];
      const path = `${pathOf(id)}/devices`;
      for await (const one of items<RolloutDevice>(http, path, { limit: 500 })) all.push(one);
      return all;
    },
    preview: (deployment, commit) =>
      read(`/v1/deployments/${encodeURIComponent(deployment)}/preview`, { commit }),
    order: (id, name, body) => post(`${pathOf(id)}/${name}`, body),
    fleetHalt: () => read("/v1/fleet/halt"),
    orderFleet: (act, reason) => post(`/v1/fleet/${act}`, { reason }),
    bisect: (id) => read(`${pathOf(id)}/bisect`),
    beginBisect: (id, body) => post(`${pathOf(id)}/bisect`, body),
    cancelBisect: (id, reason) => post(`${pathOf(id)}/bisect/cancel`, { reason }),
  };
}
