// The page of a real agent beside a real hub, in a real browser that runs no script.
import * as assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import type { LocalStatus } from "#edge/page/status.ts";
import { launchBrowser, openWindow, type Window } from "#test/edge/page/browser.ts";
import { suite } from "#test/suite.ts";
import { launchFleet, type TestFleet } from "#test/support/running_fleet.ts";

const test = suite("the page of a device in a fleet", { limitMs: 300_000 });
let fleet: TestFleet | undefined;
let browser: Browser | undefined;
let window: Window | undefined;

const theFleet = async (): Promise<TestFleet> => {
  if (fleet !== undefined) return fleet;
  fleet = await launchFleet({ runtime: "process", devices: 1 });
  await fleet.converged();
  return fleet;
};
test.after(async () => {
  await window?.close();
  await browser?.close();
  await fleet?.stop();
});

interface Scene {
  fleet: TestFleet;
  device: string;
  page: Page;
  url: string;
  token: string;
  /** Reloads until the words are there. */
  reads(words: RegExp): Promise<void>;
  status(): Promise<LocalStatus>;
}

async function theScene(): Promise<Scene> {
  const known = await theFleet();
  const device = known.fleet.devices[0] ?? "";
  const url = `http://127.0.0.1:${known.pagePort}`;
  browser ??= await launchBrowser();
  window ??= await openWindow(browser, url, { javaScriptEnabled: false });
  const { page } = window;
  const file = join(known.data, "devices", device, "page-token");
  const token = (await readFile(file, "utf8")).trim();
  return {
    ...{ fleet: known, device, page, url, token },
    reads: async (words) => {
      await known.until(`${words} on the page`, async () => {
        await page.goto(`${url}/`);
        return words.test((await page.locator("main").textContent()) ?? "");
      });
    },
    status: async () => (await (await fetch(`${url}/v1/status`)).json()) as LocalStatus,
  };
}

test.real("chromium", "says that it is well, with the commit, and what happened", async () => {
  const { fleet: known, reads, page, status } = await theScene();
  const commit = await known.git("rev-parse", "HEAD");
  await reads(new RegExp(`healthy and up to date with commit ${commit.slice(0, 12)}`));
  const update = page.locator("details").filter({ hasText: "robots" }).first();
  await update.locator("summary").click();
  assert.equal(await update.getByRole("rowheader", { name: "swap" }).count(), 1);
  assert.ok((await status()).apps.length > 0);
});

test.real("chromium", "restarts a service, and shows its log and the agent's", async () => {
  const { fleet: known, device, page, token, reads } = await theScene();
  const before = (await known.instances(device, "robots", "status")).map(({ id }) => id);
  const others = (await known.instances(device, "robots", "robot")).map(({ id }) => id);
  await page.getByRole("link", { name: "Sign in", exact: true }).first().click();
  await page.getByLabel("The device’s token").fill(token);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("You are signed in.").waitFor();
  await page.getByRole("button", { name: "Restart status of robots" }).click();
  await page.getByText("The service is restarted.").waitFor();
  await known.until("another process of status", async () => {
    const now = await known.instances(device, "robots", "status");
    return (
      now.length === 1 && now.every(({ id, state }) => state === "running" && !before.includes(id))
    );
  });
  assert.deepEqual(
    (await known.instances(device, "robots", "robot")).map(({ id }) => id),
    others,
    "its neighbours were left alone",
  );
  await reads(/healthy and up to date/);
  await page.getByRole("button", { name: /^Check files/ }).click();
  await reads(/Last deep check: .* ago, took .*; it found nothing wrong/);
  await page.getByRole("button", { name: "Show" }).click();
  await page.getByText("agent started", { exact: false }).first().waitFor();
  await page.getByLabel("Log of", { exact: true }).selectOption("robots/robot");
  await page.getByRole("button", { name: "Show" }).click();
  await page.getByRole("heading", { name: "Log of robots/robot" }).waitFor();
  assert.match((await page.locator("pre").textContent()) ?? "", /^\d{4}-\d\d-\d\d /);
});

test.real(
  "chromium",
  "in safe mode it says why, and a commit waits until somebody leaves it",
  async () => {
    const { fleet: known, page, reads, status } = await theScene();
    await page.goto(page.url().replace(/\/logs.*/, "/"));
    await page.getByLabel(/Reason/).fill("the gripper is being mended");
    await page.getByRole("button", { name: "Enter safe mode" }).click();
    await reads(/in safe mode because .*the gripper is being mended/);
    const { safeMode, apps: before } = await status();
    assert.deepEqual([safeMode?.cause, safeMode?.serves], ["hand", "lastGood"]);
    await known.edit("roles/robot/status/www/index.html", (text) => text.replace("work", "rest"));
    const commit = await known.commit("Robots rest");
    await known.until("the wish of the new commit", async () => {
      const robots = (await status()).apps.find(({ name }) => name === "robots");
      return robots?.target?.commit === commit && robots.sync === "OutOfSync";
    });
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const { apps: after } = await status();
    assert.deepEqual(
      after.map(({ current }) => current),
      before.map(({ current }) => current),
    );
    await reads(/Safe mode.*What serves.*What to do next/s);
    await page.getByRole("button", { name: "Leave safe mode" }).click();
    await reads(new RegExp(`up to date with .*${commit.slice(0, 12)}`));
  },
);

test.real("chromium", "it stays when the hub has gone, and says so", async () => {
  const { fleet: known, reads, url } = await theScene();
  known.kill("hub");
  await reads(/healthy and up to date.*last heard from the hub.*Everything local goes on/s);
  assert.equal((await fetch(`${url}/healthz`)).status, 200);
  assert.deepEqual(window?.faults, []);
});
