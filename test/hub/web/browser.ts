// A real Chromium on the hub's pages, which notes every violation of their security policy.
import type { BrowserContextOptions, Page } from "playwright-core";
import { createPages } from "#hub/web/pages.ts";
import { systemClock } from "#shared/clock.ts";
import { launchBrowser } from "#test/edge/page/browser.ts";
import { createWorld, type World } from "#test/hub/api/world.ts";
import { serve } from "#test/support/serve.ts";
import { awkwardLogs } from "./awkward.ts";

export interface Site {
  world: World;
  url: string;
  /** Opens a page in a fresh profile, signed in. */
  open: (path: string, options?: BrowserContextOptions) => Promise<Page>;
  /** What the pages did wrong: policy violations, script errors, failed requests. */
  faults: string[];
  close: () => Promise<void>;
}

export async function openSite(): Promise<Site> {
  const real = { ...systemClock, advance: () => undefined };
  const world = await createWorld({ clock: real, pages: createPages, logs: awkwardLogs });
  const { url, close } = await serve(world.app);
  const browser = await launchBrowser();
  const faults: string[] = [];
  return {
    world,
    url,
    faults,
    open: async (path, options = {}) => {
      const context = await browser.newContext(options);
      context.setDefaultTimeout(60_000);
      const value = world.sessions.open("admin");
      await context.addCookies([{ name: "fleet_session", value, url }]);
      const page = await context.newPage();
      watchFaults(page, faults);
      await page.goto(`${url}${path}`);
      return page;
    },
    close: async () => {
      await browser.close();
      await world.close();
      close();
    },
  };
}

/** Chromium reports a violated policy on the console. */
function watchFaults(page: Page, faults: string[]): void {
  page.on("console", (message) => {
    if (message.type() === "error") faults.push(message.text());
  });
  page.on("pageerror", (error) => faults.push(error.message));
}
