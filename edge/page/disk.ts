// The disk as a bar, with the same in words.
import { html } from "hono/html";
import { bytesText, type Html } from "./html.ts";
import type { DiskNow, LocalStatus } from "./status.ts";

export function diskBar(status: LocalStatus): Html {
  const disk = diskOf(status);
  if (disk === undefined) return html``;
  const { usedBytes, freeBytes, reserveBytes } = disk;
  const total = usedBytes + freeBytes;
  if (total === 0) return html``;
  const share = (bytes: number): string => `${((bytes / total) * 100).toFixed(2)}%`;
  const reserved = Math.min(reserveBytes, freeBytes);
  return html`<figure class="disk"><svg role="img" aria-labelledby="disk-words" width="100%" height="20">
<rect class="free" width="100%" height="20"></rect>
<rect class="used" width="${share(usedBytes)}" height="20"></rect>
<rect class="reserve" x="${share(total - reserved)}" width="${share(reserved)}" height="20"></rect>
</svg><figcaption id="disk-words">Disk: ${bytesText(usedBytes)} of ${bytesText(total)} used, ${bytesText(freeBytes)} free${reserveText(disk)}</figcaption></figure>`;
}

function reserveText({ freeBytes, reserveBytes }: DiskNow): Html | string {
  if (reserveBytes === 0) return ".";
  const shortBytes = reserveBytes - freeBytes;
  const reserve = bytesText(reserveBytes);
  return shortBytes > 0
    ? html`. <strong>It is short by ${bytesText(shortBytes)} of the ${reserve} that no download takes.</strong>`
    : `, of which no download takes the last ${reserve}.`;
}

function diskOf({ disk, host }: LocalStatus): DiskNow | undefined {
  if (disk !== undefined || host === undefined) return disk;
  const { diskUsedBytes, diskTotalBytes } = host;
  return { usedBytes: diskUsedBytes, freeBytes: diskTotalBytes - diskUsedBytes, reserveBytes: 0 };
}
