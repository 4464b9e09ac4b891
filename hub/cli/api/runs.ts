// The API's part about plans, runs and phases, as the command uses it.
import type { PhaseView, PlanView, RunSummary, RunView } from "#hub/api/run_view.ts";
import type { ListOf } from "#hub/api/schema.ts";
import type { Http } from "./http.ts";
import { undefinedWhereMissing } from "./missing.ts";
import { items } from "./pages.ts";

type Query = Record<string, string | number | undefined>;

export interface RunCalls {
  plans(): Promise<PlanView[]>;
  plan(name: string): Promise<PlanView>;
  /** Newest first. */
  list(query: Query): AsyncIterable<RunSummary>;
  get(id: string): Promise<RunView>;
  order(body: {
    device: string;
    plan: string;
    request: string;
    parameters: Record<string, string>;
    reason: string;
  }): Promise<RunView>;
  cancel(id: string, reason: string): Promise<RunView>;
  importFile(file: {
    name: string;
    text: string;
    format: "csv" | "yaml";
    isTrial: boolean;
  }): Promise<PhaseView[]>;
  phases(query: Query): AsyncIterable<PhaseView>;
  phase(device: string): Promise<PhaseView>;
  /** Undefined where no device has this name, imported ones included. */
  findPhase(device: string): Promise<PhaseView | undefined>;
  place(device: string, phase: string, reason: string): Promise<PhaseView>;
}

export function runCalls(http: Pick<Http, "json">): RunCalls {
  const read = <T>(path: string, query: Query = {}): Promise<T> =>
    http.json<T>({ method: "GET", path, query });
  const post = <T>(path: string, body: unknown): Promise<T> =>
    http.json<T>({ method: "POST", path, body });
  const phasePath = (device: string): string => `/v1/devices/${encodeURIComponent(device)}/phase`;
  const runPath = (id: string): string => `/v1/runs/${encodeURIComponent(id)}`;
  const all = <T>(path: string, query: Query): AsyncGenerator<T> =>
    items<T>(http, path, { limit: 500, ...query });
  return {
    plans: async () => (await read<ListOf<PlanView>>("/v1/plans")).items,
    plan: (name) => read(`/v1/plans/${encodeURIComponent(name)}`),
    list: (query) => all("/v1/runs", query),
    get: (id) => read(runPath(id)),
    order: (body) => post("/v1/runs", body),
    cancel: (id, reason) => post(`${runPath(id)}/cancel`, { reason }),
    importFile: async ({ name, text, format, isTrial }) => {
      const type = format === "csv" ? "text/csv" : "application/yaml";
      const query = { file: name, dryRun: isTrial ? "true" : "false" };
      const headers = { "Content-Type": type };
      const request = { method: "POST", path: "/v1/devices/import", query, headers, text } as const;
      return (await http.json<ListOf<PhaseView>>(request)).items;
    },
    phases: (query) => all("/v1/phases", query),
    phase: (device) => read(phasePath(device)),
    findPhase: (device) => read<PhaseView>(phasePath(device)).catch(undefinedWhereMissing),
    place: (device, phase, reason) =>
      http.json({ method: "PUT", path: phasePath(device), body: { phase, reason } }),
  };
}
