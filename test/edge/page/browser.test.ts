import * as assert from "node:assert/strict";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import type { LocalStatus } from "#edge/page/status.ts";
import { colourFaults } from "#test/hub/web/contrast.ts";
import { suite } from "#test/suite.ts";
import { launchBrowser, openWindow, type Window } from "./browser.ts";
import { startDevice, type TestDevice } from "./device.ts";
import { tokenText } from "./fixture.ts";
import { fullDiskScene, healthyScene, safeModeScene, updatingScene } from "./scenes.ts";

const test = suite("the device's page in Chromium");
let browser: Browser | undefined;
test.after(async () => browser?.close());

const scenes = {
  healthy: healthyScene,
  updating: updatingScene,
  "safe mode": safeModeScene,
  "a full disk and strange words": fullDiskScene,
};

async function onPage(
  status: LocalStatus,
  options: BrowserContextOptions,
  use: (page: Page, device: TestDevice) => Promise<void>,
): Promise<void> {
  browser ??= await launchBrowser();
  const device = await startDevice(status);
  let window: Window | undefined;
  try {
    window = await openWindow(browser, device.url, options);
    await use(window.page, device);
    assert.deepEqual(window.faults, []);
  } finally {
    await window?.close();
    await device.stop();
  }
}

async function signIn(page: Page): Promise<void> {
  await page.getByRole("link", { name: "Sign in", exact: true }).first().click();
  await page.getByLabel("The device’s token").fill(tokenText);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("status").getByText("You are signed in.").waitFor();
}

for (const javaScriptEnabled of [false, true]) {
  const how = javaScriptEnabled ? "with JavaScript" : "without JavaScript";

  test.real("chromium", `signs in, restarts a service and reads logs ${how}`, () =>
    onPage(healthyScene(), { javaScriptEnabled }, async (page, device) => {
      assert.equal(await page.getByRole("button", { name: /Restart/ }).count(), 0);
      await signIn(page);
      await page.getByRole("button", { name: "Restart robot of robots" }).click();
      await page.getByText("The service is restarted.").waitFor();
      assert.deepEqual(device.asked, ["restart robots/robot"]);
      await page.getByRole("button", { name: "Show" }).click();
      await page.getByText("info agent started version=1").waitFor();
      await page.getByLabel("Log of", { exact: true }).selectOption("signage/screen");
      await page.getByRole("button", { name: "Show" }).click();
      await page.getByText("screen says 3").waitFor();
      await page.getByRole("button", { name: "Sign out" }).click();
      await page.getByText("You are signed out.").waitFor();
      assert.equal(await page.getByRole("button", { name: /Restart/ }).count(), 0);
    }),
  );

  test.real("chromium", `enters and leaves safe mode, and tries again, ${how}`, () =>
    onPage(updatingScene(), { javaScriptEnabled }, async (page, device) => {
      await signIn(page);
      await page.getByRole("button", { name: "Try again now robots" }).click();
      await page.getByText("It is tried again now.").waitFor();
      await page.getByLabel(/Reason/).fill("the arm is being mended");
      await page.getByRole("button", { name: "Enter safe mode" }).click();
      const alarm = page.getByRole("region", { name: "Safe mode" });
      await alarm.getByText("the arm is being mended").waitFor();
      await alarm.getByRole("button", { name: "Leave safe mode" }).click();
      await page.getByText("The device leaves safe mode.").waitFor();
      assert.equal(await alarm.getByText("What to do next").count(), 0);
      assert.deepEqual(device.asked, ["retry robots", "enter: the arm is being mended", "leave"]);
    }),
  );
}

test.real("chromium", "the keyboard alone reaches the sign-in, its button and a restart", () =>
  onPage(healthyScene(), {}, async (page, device) => {
    const tabTo = async (name: string): Promise<void> => {
      for (let tries = 0; tries < 40; tries += 1) {
        await page.keyboard.press("Tab");
        const text = await page.evaluate(
          "document.activeElement.innerText || document.activeElement.name",
        );
        if (String(text).replaceAll(/\s+/g, " ").trim() === name) return;
      }
      assert.fail(`Tab never reaches "${name}"`);
    };
    await tabTo("Skip to content");
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate("document.activeElement.id"), "main");
    await page.reload();
    await tabTo("Sign in");
    assert.notEqual(
      await page.evaluate("getComputedStyle(document.activeElement).outlineStyle"),
      "none",
    );
    await page.keyboard.press("Enter");
    await page.getByLabel("The device’s token").waitFor();
    await tabTo("token");
    await page.keyboard.type(tokenText);
    await page.keyboard.press("Enter");
    await page.getByText("You are signed in.").waitFor();
    await tabTo("Restart status of robots");
    await page.keyboard.press("Enter");
    await page.getByText("The service is restarted.").waitFor();
    assert.deepEqual(device.asked, ["restart robots/status"]);
  }),
);

test.real(
  "chromium",
  "landmarks, headings, tables and pictures have names for screen readers",
  () =>
    onPage(updatingScene(), {}, async (page) => {
      assert.equal(await page.locator("html").getAttribute("lang"), "en");
      for (const role of ["banner", "main", "contentinfo"] as const) {
        assert.equal(await page.getByRole(role).count(), 1, role);
      }
      assert.equal(await page.getByRole("navigation", { name: "Account" }).count(), 1);
      for (const name of ["State", "Apps", "Device", "Last updates", "Last events", "Logs"]) {
        assert.equal(await page.getByRole("region", { name, exact: true }).count(), 1, name);
      }
      const levels = (await page.evaluate(
        "[...document.querySelectorAll('h1,h2,h3')].map((node) => Number(node.tagName[1]))",
      )) as number[];
      assert.equal(levels[0], 1);
      assert.ok(levels.every((level, at) => at === 0 || level <= (levels[at - 1] ?? 0) + 1));
      assert.equal(await page.getByRole("table", { name: "Services of robots" }).count(), 1);
      assert.equal(await page.getByRole("columnheader", { name: "Restarts" }).count(), 2);
      assert.match(
        (await page.getByRole("img", { name: /^Disk/ }).getAttribute("aria-labelledby")) ?? "",
        /disk-words/,
      );
      const strip = page.getByRole("list", { name: /^Update to commit 9be03ac51d77/ });
      assert.equal(await strip.getByRole("listitem").count(), 12);
      assert.equal(await strip.locator('[aria-current="step"]').textContent(), "pull 40 % now");
      const chain = page.getByRole("list", { name: /Why it is not as wanted/ });
      const links = await chain.getByRole("listitem").allTextContents();
      assert.deepEqual(
        links.map((text) => /120 MB|old releases|02:00/.exec(text)?.[0]),
        ["120 MB", "old releases", "02:00"],
      );
    }),
);

test.real("chromium", "changes come in by themselves, and leave focus and opened details", () =>
  onPage(healthyScene(), {}, async (page, device) => {
    await page.evaluate("window.isSamePage = true");
    const summary = page.locator("#update-a1 summary");
    await summary.click();
    await page.getByText("robot answered 500 on /health for 30 s").first().waitFor();
    device.change(safeModeScene());
    await page.getByRole("region", { name: "Safe mode" }).waitFor();
    const news = (await page.locator("#news").textContent()) ?? "";
    assert.match(news, /in safe mode because three updates/);
    assert.equal(await page.locator("#update-a1").getAttribute("open"), "");
    assert.equal(await page.evaluate("document.activeElement.closest('details')?.id"), "update-a1");
    assert.equal(await page.evaluate("window.isSamePage"), true);
    assert.equal(await page.title(), "pi-north-1: safe mode");
    device.change(healthyScene());
  }),
);

test.real("chromium", "a device that hangs is told, and a button's answer goes by itself", () =>
  onPage(healthyScene(), {}, async (page) => {
    await page.clock.install();
    await signIn(page);
    assert.equal(new URL(page.url()).search, "", "a reload does not say it again");
    await page.route("**/", () => undefined);
    await page.clock.runFor(40_000);
    const bar = page.getByText(/^The device does not answer: what you see is of \d/);
    await bar.waitFor();
    const [over, under] = [await bar.boundingBox(), await page.locator("header").boundingBox()];
    assert.ok(over && under && over.y + over.height <= under.y, "the name stays in sight");
    assert.equal(await page.getByText("You are signed in.").count(), 0);
    await page.unroute("**/");
    await page.clock.runFor(20_000);
    await page.getByText("The device answers again.").waitFor({ state: "attached" });
    assert.equal(await page.locator("body.away").count(), 0);
  }),
);

for (const [name, scene] of Object.entries(scenes)) {
  for (const colorScheme of ["light", "dark"] as const) {
    test.real("chromium", `${name}, ${colorScheme}: AA, no sideways scroll, thumb-sized`, () =>
      onPage(scene(), { colorScheme, viewport: { width: 360, height: 780 } }, async (page) => {
        await signIn(page);
        await page.evaluate(
          "for (const node of document.querySelectorAll('details')) node.open = true",
        );
        for (const width of [768, 1280, 360]) {
          await page.setViewportSize({ width, height: 780 });
          assert.equal(await page.evaluate("document.documentElement.scrollWidth"), width);
        }
        const { texts, faults } = await colourFaults(page);
        assert.ok(texts > 60, `${texts} texts`);
        assert.deepEqual(faults, []);
        const small = await page.evaluate(
          "[...document.querySelectorAll('button, summary, input:not([type=hidden]), select')].filter((node) => node.getBoundingClientRect().height < 44).map((node) => node.outerHTML)",
        );
        assert.deepEqual(small, []);
      }),
    );
  }
}
