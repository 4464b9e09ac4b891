// Takes the pictures of the pages in docs/images again: node scripts/run.mjs test/pictures.ts
// They are the real pages in a real Chromium, on the fleets and devices of the tests.
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import type { LocalStatus } from "#edge/page/status.ts";
import { launchBrowser, openWindow } from "#test/edge/page/browser.ts";
import { startDevice } from "#test/edge/page/device.ts";
import { tokenText } from "#test/edge/page/fixture.ts";
import { safeModeScene, updatingScene } from "#test/edge/page/scenes.ts";
import { openSite, type Site } from "#test/hub/web/browser.ts";
import { addFailedCommit } from "#test/hub/web/fleet.ts";
import { addHaltedRollout } from "#test/hub/web/rollout_world.ts";

const phone = { width: 360, height: 1150 };

await onHub(addFailedCommit, async (site) => {
  const page = await site.open("/", { viewport: { width: 1180, height: 800 } });
  await picture(page, "fleet-page");
});
await onHub(addHaltedRollout, async (site, number) => {
  const path = `/rollouts/${number}`;
  const page = await site.open(path, { viewport: { width: 1100, height: 1000 } });
  await picture(page, "rollout-page");
});
await onDevice(updatingScene(), { viewport: { width: 1180, height: 1250 } }, "device-page");
await onDevice(
  safeModeScene(),
  { viewport: phone, colorScheme: "dark", deviceScaleFactor: 2 },
  "device-page-safe-mode",
);

async function onHub<T>(
  fill: (world: Site["world"]) => Promise<T>,
  use: (site: Site, filled: T) => Promise<void>,
): Promise<void> {
  const site = await openSite();
  try {
    await use(site, await fill(site.world));
  } finally {
    await site.close();
  }
}

async function onDevice(
  status: LocalStatus,
  options: Parameters<typeof openWindow>[2],
  name: string,
): Promise<void> {
  const device = await startDevice(status);
  const browser = await launchBrowser();
  try {
    const { page } = await openWindow(browser, device.url, options);
    await page.goto(`${device.url}/sign-in`);
    await page.getByLabel("The device’s token").fill(tokenText);
    await page.getByRole("button", { name: "Sign in" }).click();
    // Without what is said of the signing in.
    await page.goto(`${device.url}/`);
    await picture(page, name);
  } finally {
    await browser.close();
    await device.stop();
  }
}

async function picture(page: Page, name: string): Promise<void> {
  await page.getByRole("main").waitFor();
  const live = page.locator("#live.live");
  if ((await live.count()) > 0) await live.getByText("live", { exact: true }).waitFor();
  const path = fileURLToPath(new URL(`../docs/images/${name}.png`, import.meta.url));
  await page.screenshot({ path, animations: "disabled" });
  process.stdout.write(`${path}\n`);
}
