// Decides how the sample's services run: in containers where that is possible, else as processes.
import { dockerAnswers } from "#edge/runtime/docker/engine.ts";
import { FleetError } from "#shared/errors.ts";
import { findSampleImage, publicImage } from "./image.ts";
import type { StartOptions } from "./options.ts";

interface Choice {
  runtime: "docker" | "process";
  image: string;
}

const socketPath = process.env["DOCKER_SOCKET"] ?? "/var/run/docker.sock";

/** @throws FleetError runtime_unavailable or image_missing when Docker is asked for and cannot be used */
export async function chooseRuntime(
  { runtime, repository }: StartOptions,
  say: (line: string) => void,
): Promise<Choice> {
  const processes: Choice = { runtime: "process", image: publicImage };
  if (runtime === "process") return processes;
  if (!(await dockerAnswers(socketPath))) {
    if (runtime === "auto") return processes;
    throw new FleetError("runtime_unavailable", {
      message: `no Docker Engine answers at ${socketPath}`,
      hint: "Start Docker, or leave --runtime away to run services as processes.",
    });
  }
  if (repository !== undefined) return { runtime: "docker", image: publicImage };
  const image = await findSampleImage(socketPath, say);
  if (image !== undefined) return { runtime: "docker", image };
  if (runtime === "docker") {
    throw new FleetError("image_missing", {
      message: `the sample's image ${publicImage} is neither on this Engine nor to be pulled`,
      hint: "Load it with docker load or docker import under that name, or use --runtime process.",
    });
  }
  say("Docker answers, but has no image for the sample: services run as processes.");
  return processes;
}
