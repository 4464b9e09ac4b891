// The last word of each copy over a restart of the agent: a file beside the sockets, which a reboot takes away.
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { ifPresent, makeDirectory, writeFileAtomic } from "#shared/files.ts";
import { AppName } from "#shared/ids.ts";
import { Telemetry } from "#shared/telemetry.ts";
import type { Sample } from "./samples.ts";

export interface Kept {
  /** None where nothing can be read, or where it is of another boot. */
  read(): Promise<Sample[]>;
  /** In order; what cannot be written is not kept. */
  write(samples: readonly Sample[]): void;
  /** Settles once all was written. */
  stop(): Promise<void>;
}

const Content = z.object({
  /** Ms since boot: a clock that shows less is of another boot. */
  writtenMs: z.number(),
  samples: z.array(
    z.object({
      copy: z.object({ app: AppName, service: z.string(), instance: z.number().int() }),
      telemetry: Telemetry,
      at: z.number(),
      untilMs: z.number(),
    }),
  ),
});

/** No app's name holds a dot. */
const fileName = "last.json";

export function createKept(runDirectory: string, monotonicMs: () => number): Kept {
  const path = join(runDirectory, ".telemetry", fileName);
  let writing = Promise.resolve();
  const write = async (content: z.infer<typeof Content>): Promise<void> => {
    await makeDirectory(dirname(path));
    await writeFileAtomic(path, JSON.stringify(content), 0o600);
  };
  return {
    read: async () => {
      try {
        const text = await ifPresent(readFile(path, "utf8"));
        if (text === undefined) return [];
        const { writtenMs, samples } = Content.parse(JSON.parse(text));
        return writtenMs <= monotonicMs() ? samples : [];
      } catch {
        return [];
      }
    },
    write: (samples) => {
      const content = { writtenMs: monotonicMs(), samples: [...samples] };
      writing = writing.then(() => write(content)).catch(() => undefined);
    },
    stop: () => writing,
  };
}
