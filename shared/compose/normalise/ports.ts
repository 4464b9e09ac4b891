// Ports of a service: short and long form, ranges expanded to single ports.
import type { Port } from "#shared/compose/model.ts";
import { at, type Field, fail, isMap, items, present, text } from "./field.ts";

interface Range {
  first: number;
  last: number;
}

/** @see Compose specification, "ports" */
export function normalisePorts(field: Field): Port[] {
  const ports = items(field).flatMap((item) => (isMap(item) ? longPort(item) : shortPort(item)));
  return [...new Map(ports.map((port) => [JSON.stringify(port), port])).values()];
}

function longPort(field: Field): Port[] {
  const target = parseRange(text(at(field, "target")) ?? "");
  if (target === undefined) {
    fail(field, "needs a target between 1 and 65535");
    return [];
  }
  const published = text(at(field, "published"));
  return expand(field, {
    target,
    published,
    hostIp: text(at(field, "host_ip")),
    protocol: text(at(field, "protocol")),
  });
}

/** `[[IP:]HOST:]CONTAINER[/PROTOCOL]`, an IPv6 address in brackets. */
function shortPort(field: Field): Port[] {
  const given = text(field) ?? "";
  const match = /^(?:(?:(\[[^\]]+\]|[^:[\]]*):)?([\d-]*):)?([\d-]+)(?:\/([a-zA-Z]+))?$/.exec(given);
  const target = parseRange(match?.[3] ?? "");
  if (match === null || target === undefined) {
    fail(field, `"${given}" is not of the form [[IP:]HOST:]CONTAINER[/PROTOCOL]`);
    return [];
  }
  const [, hostIp, published, , protocol] = match;
  return expand(field, { target, published, hostIp: hostIp?.replace(/^\[|\]$/g, ""), protocol });
}

interface Wanted {
  target: Range;
  published: string | undefined;
  hostIp: string | undefined;
  protocol: string | undefined;
}

function expand(field: Field, wanted: Wanted): Port[] {
  const protocol = (wanted.protocol ?? "tcp").toLowerCase();
  if (protocol !== "tcp" && protocol !== "udp" && protocol !== "sctp") {
    fail(field, `the protocol must be tcp, udp or sctp, but is ${protocol}`);
    return [];
  }
  const common = {
    protocol,
    ...present({ hostIp: wanted.hostIp === "" ? undefined : wanted.hostIp }),
  } as const;
  if (wanted.published === undefined || wanted.published === "") {
    return numbers(wanted.target).map((target) => ({ target, ...common }));
  }
  return publish(field, wanted.target, parseRange(wanted.published)).map((pair) => ({
    ...pair,
    ...common,
  }));
}

type Pair = Pick<Port, "target" | "published" | "publishedEnd">;

function publish(field: Field, target: Range, published: Range | undefined): Pair[] {
  if (published === undefined) {
    fail(field, "the published port must be a port or a range of ports from 1 to 65535");
    return [];
  }
  if (target.first === target.last && published.first !== published.last) {
    return [{ target: target.first, published: published.first, publishedEnd: published.last }];
  }
  if (published.last - published.first !== target.last - target.first) {
    fail(field, "both port ranges must be of the same length");
    return [];
  }
  return numbers(target).map((port, index) => ({
    target: port,
    published: published.first + index,
  }));
}

function parseRange(given: string): Range | undefined {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(given);
  if (match === null) return undefined;
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  return first >= 1 && first <= last && last <= 65_535 ? { first, last } : undefined;
}

function numbers({ first, last }: Range): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
