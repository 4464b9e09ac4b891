// Devices of the host and GPUs that a service is given.
import type { Device, DeviceRequest } from "#shared/compose/model.ts";
import {
  at,
  type Field,
  fail,
  integer,
  isMap,
  isSet,
  items,
  present,
  text,
  textMap,
  texts,
} from "./field.ts";

/** A CDI name such as `vendor.com/class=name`, which is no path. */
const cdiName = /^[A-Za-z0-9][A-Za-z0-9._-]*\/[A-Za-z0-9._-]+=.+$/;

export function normaliseDevices(field: Field): Device[] {
  return items(field).flatMap((item) => {
    if (isMap(item)) return longDevice(item);
    return cdiName.test(text(item) ?? "") ? [] : shortDevice(item);
  });
}

/** `SOURCE[:TARGET[:PERMISSIONS]]` */
function shortDevice(field: Field): Device[] {
  const given = text(field) ?? "";
  const [source = "", target = source, permissions = "rwm", ...rest] = given.split(":");
  if (source === "" || rest.length > 0) {
    fail(field, `"${given}" is not of the form SOURCE[:TARGET[:PERMISSIONS]]`, {
      hint: "For a path with a colon in it write source, target and permissions as a map.",
    });
    return [];
  }
  return checked(field, { source, target, permissions });
}

function longDevice(field: Field): Device[] {
  const source = text(at(field, "source")) ?? "";
  const target = text(at(field, "target")) ?? source;
  return checked(field, { source, target, permissions: text(at(field, "permissions")) ?? "rwm" });
}

function checked(field: Field, device: Device): Device[] {
  if (!/^[rwm]{1,3}$/.test(device.permissions)) {
    fail(field, `permissions are made of r, w and m, but are "${device.permissions}"`);
  }
  if (!device.source.startsWith("/")) fail(field, "the device's path must be absolute");
  return [device];
}

/** `gpus`, `deploy.resources.reservations.devices`, and CDI names under `devices`. */
export function normaliseDeviceRequests(service: Field): DeviceRequest[] {
  const reserved = at(service, "deploy", "resources", "reservations", "devices");
  const cdiIds = texts(at(service, "devices")).filter((name) => cdiName.test(name));
  const cdi = { driver: "cdi", deviceIds: cdiIds, capabilities: [], options: {} };
  return [
    ...gpus(at(service, "gpus")),
    ...items(reserved).map((item) => deviceRequest(item, texts(at(item, "capabilities")))),
    ...(cdiIds.length === 0 ? [] : [cdi]),
  ];
}

function gpus(field: Field): DeviceRequest[] {
  if (field.value === "all") {
    return [{ count: -1, deviceIds: [], capabilities: ["gpu"], options: {} }];
  }
  return items(field).map((item) => {
    const capabilities = texts(at(item, "capabilities"));
    return deviceRequest(item, [...new Set([...capabilities, "gpu"])]);
  });
}

function deviceRequest(field: Field, capabilities: string[]): DeviceRequest {
  const deviceIds = texts(at(field, "device_ids"));
  const count = requestCount(at(field, "count"), deviceIds);
  const options = textMap(at(field, "options"));
  return {
    ...present({ driver: text(at(field, "driver")), count }),
    deviceIds,
    capabilities,
    options,
  };
}

/** -1 means all, as the Engine's API has it. */
function requestCount(field: Field, deviceIds: string[]): number | undefined {
  if (isSet(field) && deviceIds.length > 0) fail(field, "contradicts device_ids: give one of them");
  if (deviceIds.length > 0) return undefined;
  return !isSet(field) || field.value === "all" ? -1 : integer(field, 0);
}
