// Reads the last lines of a copy's output, with their times and streams.
import { statusOf } from "#edge/runtime/docker/calls/faults.ts";
import { frames } from "#edge/runtime/docker/calls/stream.ts";
import type { LogLine } from "#edge/runtime/port.ts";
import type { Engine } from "./engine.ts";

/** None when the container is gone or its logging driver keeps nothing to read. */
export async function readLogLines(
  engine: Engine,
  container: string,
  options: { tail: number; sinceMs?: number },
): Promise<LogLine[]> {
  const detail = await engine.inspectContainer(container);
  if (detail === undefined) return [];
  const output = await readOutput(engine, container, options);
  const lines = detail.Config.Tty ? linesOf("stdout", output.toString("utf8")) : demux(output);
  return lines.sort((a, b) => a.at - b.at).slice(-options.tail);
}

async function readOutput(
  engine: Engine,
  container: string,
  { tail, sinceMs }: { tail: number; sinceMs?: number },
): Promise<Buffer> {
  const since = sinceMs === undefined ? {} : { since: (sinceMs / 1000).toFixed(3) };
  const query = { stdout: 1, stderr: 1, timestamps: 1, tail, ...since };
  return engine.readLogs(container, query).catch((error: unknown) => {
    const unreadable = [404, 501].includes(statusOf(error) ?? 0);
    if (unreadable) return Buffer.alloc(0);
    throw error;
  });
}

/** A line may be spread over frames of its stream, so each stream is put together first. */
function demux(output: Buffer): LogLine[] {
  const parts = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  for (const { stream, payload } of frames(output)) parts[stream].push(payload);
  return [
    ...linesOf("stdout", Buffer.concat(parts.stdout).toString("utf8")),
    ...linesOf("stderr", Buffer.concat(parts.stderr).toString("utf8")),
  ];
}

function linesOf(stream: LogLine["stream"], output: string): LogLine[] {
  return output
    .split(/\r?\n/)
    .filter((line) => line !== "")
    .map((line) => {
      const space = line.indexOf(" ");
      const at = Date.parse(space < 0 ? line : line.slice(0, space));
      return { at, stream, text: space < 0 ? "" : line.slice(space + 1) };
    })
    .filter((line) => !Number.isNaN(line.at));
}
