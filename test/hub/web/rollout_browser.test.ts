import * as assert from "node:assert/strict";
import { suite } from "#test/suite.ts";
import { openSite, type Site } from "./browser.ts";
import { colourFaults } from "./contrast.ts";
import { addHaltedRollout } from "./rollout_world.ts";

const test = suite("rollout pages in Chromium", { limitMs: 240_000 });
let site: Site | undefined;
let path = "";

/** Opened by the first test that needs it, so that machines without Chromium open nothing. */
async function theSite(): Promise<Site> {
  if (site === undefined) {
    site = await openSite();
    path = `/rollouts/${await addHaltedRollout(site.world)}`;
  }
  site.faults.length = 0;
  return site;
}
test.after(() => site?.close());

/** Parts of cells that do not stand beside the name of their column. */
const underTheirHeads =
  "[...document.querySelectorAll('td[data-name] > *')].filter((part) => part.offsetLeft < 100).map((part) => part.outerHTML)";

test.real(
  "chromium",
  "no rollout page scrolls sideways at 360 pixels, and all text is AA",
  async () => {
    const { open, faults } = await theSite();
    for (const colorScheme of ["light", "dark"] as const) {
      for (const one of ["/rollouts", path]) {
        const page = await open(one, { colorScheme, viewport: { width: 360, height: 780 } });
        assert.equal(await page.evaluate("document.documentElement.scrollWidth"), 360, one);
        assert.deepEqual(await page.evaluate(underTheirHeads), [], one);
        assert.equal(await page.locator("button:disabled:visible").count(), 0, one);
        assert.deepEqual((await colourFaults(page)).faults, [], `${one} ${colorScheme}`);
        await page.context().close();
      }
    }
    assert.deepEqual(faults, []);
  },
);

test.real(
  "chromium",
  "without JavaScript a person resumes a halted rollout from its page",
  async () => {
    const { open, url, faults } = await theSite();
    const page = await open("/rollouts", { javaScriptEnabled: false });
    await page.getByRole("link", { name: /robots #/ }).click();
    await page.getByText("The rollout halted.").waitFor();
    await page.getByRole("row", { name: /model=Raspberry Pi 3.*clear/ }).waitFor();
    // The browser itself asks for the reason.
    await page.getByRole("button", { name: "Resume" }).click();
    await page.getByText("The rollout halted.").waitFor();
    await page.getByLabel("Reason").fill("the image is mended");
    // Which of the orders would it be?
    await page.keyboard.press("Enter");
    await page.getByText("The rollout halted.").waitFor();
    await page.getByRole("button", { name: "Resume" }).click();
    await page.waitForURL(`${url}${path}`);
    await page.getByText("Progressing").first().waitFor();
    await page.getByText("admin: the image is mended").waitFor();
    assert.deepEqual(faults, []);
    await page.context().close();
  },
);

test.real("chromium", "the page shows an order of another person without a reload", async () => {
  const { open, world, faults } = await theSite();
  const page = await open(path);
  await page.getByText("live", { exact: true }).waitFor();
  await page.evaluate("window.isSamePage = true");
  const reason = page.getByLabel("Reason");
  await reason.fill("half a sen");
  const given = { name: "halt" as const, operator: "grace", reason: "smoke in rome" };
  await world.rollouts.order(Number(path.split("/")[2]), given);
  await page.getByText("grace: smoke in rome").waitFor();
  await page.getByText("The rollout halted.").waitFor();
  assert.equal(await reason.inputValue(), "half a sen");
  assert.equal(await page.evaluate("window.isSamePage"), true);
  assert.deepEqual(faults, []);
  await page.context().close();
});
