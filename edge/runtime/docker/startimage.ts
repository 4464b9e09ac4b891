// Chooses the image that a copy is made from: the one that its configuration was first made from.
import type { ImageDetail } from "#edge/runtime/docker/calls/api.ts";
import { serviceOf } from "#edge/runtime/docker/create/names.ts";
import type { ResolvedApp } from "#edge/runtime/port.ts";
import type { DockerContext } from "./context.ts";
import { imageMissing } from "./reference.ts";

interface StartImage {
  image: ImageDetail;
  /** As the service names it, for people, while that leads to the image; else the id. */
  named: string;
}

/** @throws FleetError image_missing */
export async function startImage(
  { engine, origins, tell }: DockerContext,
  app: ResolvedApp,
  service: string,
): Promise<StartImage> {
  const { spec, configHash } = serviceOf(app, service);
  const reference = spec.image ?? "";
  const configuration = { project: app.project, service, configHash };
  const first = await origins.of(configuration);
  const now = await engine.inspectImage(reference);
  const isSame = first === undefined || first === now?.Id;
  const former = isSame ? now : await engine.inspectImage(first);
  const found = former ?? now;
  if (found === undefined) throw imageMissing(reference);
  const gone = former === undefined ? first : undefined;
  const { id, isNew } = await origins.note(configuration, found.Id, gone);
  if (isNew && gone !== undefined) tell(app.app, "ImageGone", goneText(service, gone, reference));
  const image = id === found.Id ? found : await engine.inspectImage(id);
  if (image === undefined) throw imageMissing(id);
  return { image, named: id === now?.Id ? reference : id };
}

function goneText(service: string, id: string, reference: string): string {
  const short = id.replace(/^sha256:/, "").slice(0, 12);
  return `image ${short}, which ${service} was made from, is gone from this device: ${service} is made from what ${reference} leads to now`;
}
