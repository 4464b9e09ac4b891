// Takes image references apart, as docker does. Pure.
import { FleetError } from "#shared/errors.ts";

export interface Reference {
  /** Registry host with port, e.g. `ghcr.io` or `127.0.0.1:5000`. */
  host: string;
  /** Everything before tag and digest, as written. */
  name: string;
  tag?: string;
  /** `sha256:…` */
  digest?: string;
}

const defaultHost = "docker.io";

/** The first part is a host when it has a dot or a port or is `localhost`.
 *  @see https://pkg.go.dev/github.com/distribution/reference */
export function parseReference(image: string): Reference {
  const [tagged = "", digest] = image.split("@");
  const colon = tagged.lastIndexOf(":");
  const hasTag = colon > tagged.lastIndexOf("/");
  const name = hasTag ? tagged.slice(0, colon) : tagged;
  const [first = "", ...path] = name.split("/");
  const isHost = path.length > 0 && (/[.:]/.test(first) || first === "localhost");
  return {
    host: isHost ? first : defaultHost,
    name,
    ...(hasTag ? { tag: tagged.slice(colon + 1) } : {}),
    ...(digest === undefined ? {} : { digest }),
  };
}

/** What a pull asks for: the digest, else the tag, else `latest`. */
export function versionOf(reference: Reference): string {
  return reference.digest ?? reference.tag ?? "latest";
}

/** In full, as the registry is asked for it. */
export function fullName(reference: Reference): string {
  const separator = reference.digest === undefined ? ":" : "@";
  return `${reference.name}${separator}${versionOf(reference)}`;
}

export function imageMissing(image: string, cause?: unknown): FleetError {
  return new FleetError("image_missing", {
    message: `image ${image} does not exist${cause === undefined ? " on this device" : " in its registry"}`,
    hint: "Check the image's name and tag; a private repository also looks absent without a login.",
    subject: image,
    cause,
  });
}
