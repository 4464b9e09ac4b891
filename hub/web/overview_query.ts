// The fleet page's filter, as it stands in the address.
import type { z } from "@hono/zod-openapi";
import { DeviceListQuery } from "#hub/api/devices.ts";

export const devicesPerPage = 50;

const emptyAsAbsent = (query: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(query).filter(([, value]) => value.trim() !== ""));

export interface OverviewQuery {
  filter: DeviceListQuery;
  /** Why the address's filter was left aside. */
  problem?: string;
}

/** A form sends empty fields too; they mean "any". A wrong value is told and left aside. */
export function overviewQuery(query: Record<string, string>): OverviewQuery {
  const { limit: _, ...given } = emptyAsAbsent(query);
  const parsed = DeviceListQuery.safeParse({ ...given, limit: devicesPerPage });
  if (parsed.success) return { filter: parsed.data };
  return { filter: noFilter(), problem: problemText(parsed.error) };
}

export function noFilter(): DeviceListQuery {
  return DeviceListQuery.parse({ limit: devicesPerPage });
}

function problemText(error: z.ZodError): string {
  const [issue] = error.issues;
  return issue === undefined ? "not valid" : `${issue.path.join(".")}: ${issue.message}`;
}

/** The address of the fleet page under this filter. */
export function overviewHref(filter: Partial<DeviceListQuery>): string {
  const { labelSelector, connection, sync, health, cursor } = filter;
  const given = { labelSelector, connection, sync, health, cursor };
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(given)) if (value) params.set(key, value);
  return params.size === 0 ? "/" : `/?${params.toString()}`;
}

export function isFiltered({ labelSelector, connection, sync, health }: DeviceListQuery): boolean {
  return labelSelector !== "" || [connection, sync, health].some((one) => one !== undefined);
}
