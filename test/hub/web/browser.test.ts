import * as assert from "node:assert/strict";
import type { Page, Route } from "playwright-core";
import type { DeviceId } from "#shared/ids.ts";
import { addDevice, appReport, reportedState, revision } from "#test/hub/api/fixtures.ts";
import { operatorToken } from "#test/hub/api/world.ts";
import { suite } from "#test/suite.ts";
import { addAwkward, longDevice } from "./awkward.ts";
import { openSite, type Site } from "./browser.ts";
import { colourFaults } from "./contrast.ts";
import { addFleet, refusal } from "./fleet.ts";

const test = suite("pages in Chromium", { limitMs: 240_000 });
let site: Site | undefined;

/** Opened by the first test that needs it, so that machines without Chromium open nothing. */
async function theSite(): Promise<Site> {
  if (site === undefined) {
    site = await openSite();
    await addFleet(site.world);
    await addAwkward(site.world);
  }
  site.faults.length = 0;
  return site;
}
test.after(() => site?.close());

const device = `/devices/${longDevice}`;
const paths = ["/", "/devices/south-1", device, `${device}/logs`, "/docs", "/nothing"];

test.real(
  "chromium",
  "a token typed into the form signs in, and signing out leads back",
  async () => {
    const { url, open, faults } = await theSite();
    const page = await open("/docs");
    await page.context().clearCookies();
    await page.goto(`${url}/devices/north-1`);
    await page.getByLabel("Operator's token").fill(operatorToken);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.waitForURL(`${url}/devices/north-1`);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.waitForURL(`${url}/sign-in`);
    assert.deepEqual(faults, []);
    await page.context().close();
  },
);

test.real("chromium", "a single-use code opens the fleet without a click", async () => {
  const { url, open, world, faults } = await theSite();
  const page = await open("/docs");
  await page.context().clearCookies();
  await page.goto(`${url}/sign-in?code=${world.sessions.issueCode("admin").code}`);
  await page.waitForURL(`${url}/`);
  assert.equal(await page.getByRole("heading", { level: 1 }).textContent(), "Fleet");
  assert.deepEqual(faults, []);
  await page.context().close();
});

test.real("chromium", "pages are whole without JavaScript", async () => {
  const { open, faults } = await theSite();
  const page = await open("/", { javaScriptEnabled: false });
  await page.getByText(refusal).waitFor();
  const row = page.getByRole("row").filter({ has: page.getByRole("link", { name: "south-1" }) });
  assert.match(
    (await row.textContent()) ?? "",
    /Online.*player.*OutOfSync.*Degraded.*answered 500/s,
  );
  await page.getByLabel("Sync").selectOption("OutOfSync");
  await page.getByRole("button", { name: "Filter" }).click();
  await page.waitForURL(/sync=OutOfSync/);
  assert.equal(await page.getByRole("link", { name: "north-1" }).count(), 0);
  await page.getByRole("link", { name: "south-1" }).click();
  await page.waitForURL(/\/devices\/south-1$/);
  await page.getByText("Succeeded").click();
  await page.getByText("commit", { exact: false }).first().waitFor();
  assert.deepEqual(faults, []);
  await page.context().close();
});

async function report(world: Site["world"], id: string, commit: string): Promise<void> {
  const app = appReport("player", { current: revision(commit) });
  const reported = reportedState(id as DeviceId, { apps: [app] });
  const status = { sync: "Synced", health: "Healthy", connection: "Online" } as const;
  await world.store.changeDevices([{ id: id as DeviceId, reported, ...status }]);
  world.bus.emit("device", id as DeviceId);
}

test.real(
  "chromium",
  "a change is seen without a reload; focus, scroll and input stay",
  async () => {
    const { open, world, faults } = await theSite();
    const page = await open("/", { viewport: { width: 900, height: 300 } });
    await page.getByText("live", { exact: true }).waitFor();
    await page.evaluate("window.isSamePage = true");
    const field = page.getByLabel("Labels");
    await field.fill("site=no");
    await page.evaluate("scrollTo(0, 200)");
    const before = await page.evaluate("scrollY");
    await report(world, "south-2", "third");
    const row = page.locator("#device-south-2");
    await row.getByText("Healthy").waitFor();
    assert.match((await row.textContent()) ?? "", /Synced/);
    assert.equal(await page.evaluate("window.isSamePage"), true);
    assert.equal(await field.inputValue(), "site=no");
    assert.equal(await page.evaluate("document.activeElement.name"), "labelSelector");
    assert.equal(await page.evaluate("scrollY"), before);
    assert.deepEqual(faults, []);
    await page.context().close();
  },
);

test.real("chromium", "a new device comes in, and an opened update stays open", async () => {
  const { open, world, faults } = await theSite();
  const fleet = await open("/");
  await fleet.getByText("live", { exact: true }).waitFor();
  await addDevice(world, "new-1", { labels: { site: "north" } });
  world.bus.emit("membership", "new-1" as DeviceId);
  await fleet.getByRole("link", { name: "new-1" }).waitFor();
  const device = await open("/devices/south-1");
  await device.getByText("live", { exact: true }).waitFor();
  const update = device.locator("#update-u1");
  await update.locator("summary").click();
  const message = "the device was looked at";
  const event = { device: "south-1" as DeviceId, app: null, reason: "Seen", message };
  const told = { ...event, at: Date.now(), source: "hub", type: "Normal" } as const;
  for (const stored of await world.store.addEvents([told])) world.bus.emit("event", stored);
  await device.getByRole("cell", { name: message }).waitFor();
  assert.equal(await device.evaluate("document.querySelector('#update-u1').open"), true);
  assert.equal(await device.locator("#news").textContent(), `south-1: ${message}`);
  assert.deepEqual(faults, []);
  await fleet.context().close();
  await device.context().close();
});

test.real(
  "chromium",
  "a lost stream says so, comes back, and a ended session leads out",
  async () => {
    const { open, world, url } = await theSite();
    const page = await open("/");
    await page.getByText("live", { exact: true }).waitFor();
    await page.context().setOffline(true);
    world.watch.stop();
    await page.getByText("reconnecting").waitFor();
    const old = page
      .getByRole("alert")
      .getByText(/^The hub does not answer: what you see is of \d/);
    await old.waitFor();
    await page.context().setOffline(false);
    await page.getByText("live", { exact: true }).waitFor();
    await old.waitFor({ state: "hidden" });
    for (const { value } of await page.context().cookies()) world.sessions.close(value);
    await report(world, "south-2", "fourth");
    await page.waitForURL(`${url}/sign-in`);
    await page.context().close();
  },
);

test.real(
  "chromium",
  "a hub that hangs or fails is told too, though the stream is open",
  async () => {
    const { open } = await theSite();
    const page = await open("/");
    await page.getByText("live", { exact: true }).waitFor();
    const old = page.locator("#stale");
    const answers = {
      hang: () => undefined,
      fail: (route: Route) => route.fulfill({ status: 503 }),
    };
    await page.clock.install();
    for (const [words, answer] of [
      [/does not answer/, answers.hang],
      [/answers with an error \(503\)/, answers.fail],
    ] as const) {
      await page.route("**/", answer);
      await page.clock.runFor(30_000);
      await old.getByText(words).waitFor();
      assert.equal(await page.locator("#live").textContent(), "reconnecting");
      await page.unroute("**/");
      await page.clock.runFor(30_000);
      await old.waitFor({ state: "hidden" });
    }
    await page.context().close();
  },
);

test.real("chromium", "no page scrolls sideways, however long its names are", async () => {
  const { open, faults } = await theSite();
  for (const path of paths) {
    const page = await open(path);
    if (path === "/docs") await openAll(page);
    for (const width of [360, 768, 1060, 1280]) {
      await page.setViewportSize({ width, height: 780 });
      const wide = await page.evaluate("document.documentElement.scrollWidth");
      assert.equal(wide, width, path);
    }
    await page.context().close();
  }
  assert.deepEqual(withoutNotFound(faults), []);
});

test.real("chromium", "the log page shows its form and its lines, and runs no markup", async () => {
  const { open, faults } = await theSite();
  for (const javaScriptEnabled of [false, true]) {
    const page = await open(`${device}/logs`, { javaScriptEnabled });
    await page.getByLabel("Last lines").selectOption("50");
    await page.getByRole("button", { name: "Show" }).click();
    const log = page.getByRole("region", { name: "Lines of the log" });
    await log.getByText('<img src=x onerror="alert(1)">').waitFor();
    await log.getByText("1.2 MB were lost here").waitFor();
    await page.context().close();
  }
  assert.deepEqual(faults, []);
});

async function openAll(page: Page): Promise<void> {
  await page.evaluate("for (const node of document.querySelectorAll('details')) node.open = true");
}

for (const colorScheme of ["light", "dark"] as const) {
  test.real("chromium", `all text is AA against what lies behind it, ${colorScheme}`, async () => {
    const { open, faults } = await theSite();
    for (const path of paths) {
      const page = await open(path, { colorScheme });
      await openAll(page);
      const { texts, faults: faint } = await colourFaults(page);
      assert.ok(path === "/nothing" || texts > 20, `${path}: ${texts} texts`);
      assert.deepEqual(faint, [], path);
      await page.context().close();
    }
    assert.deepEqual(withoutNotFound(faults), []);
  });
}

function withoutNotFound(faults: string[]): string[] {
  return faults.filter((fault) => !fault.includes("404 (Not Found)"));
}

test.real(
  "chromium",
  "landmarks, names and the skip link are there for readers and keyboards",
  async () => {
    const { open, faults } = await theSite();
    const page = await open("/");
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate("document.activeElement.textContent"), "Skip to content");
    await page.keyboard.press("Enter");
    await page.locator("#main:focus").waitFor();
    assert.equal(await page.getByRole("table", { name: /Devices by site/ }).count(), 1);
    assert.match(
      String(
        await page.evaluate("getComputedStyle(document.querySelector('a .word')).textDecoration"),
      ),
      /underline/,
      "links are known without colour",
    );
    assert.equal(await page.getByRole("main").count(), 1);
    assert.equal(await page.getByRole("navigation", { name: "Main" }).count(), 1);
    const phone = await open("/", { viewport: { width: 360, height: 780 } });
    assert.ok((await phone.getByRole("row").count()) > 10, "rows stay rows as blocks");
    assert.deepEqual(faults, []);
    await page.context().close();
    await phone.context().close();
  },
);
