// Measures the contrast of every visible text of a page, as WCAG 2.2 defines it.
import type { Page } from "playwright-core";

/** Runs in the page. Grounds are opaque or fully transparent here, so the nearest opaque one counts. */
const measure = `(() => {
  const channels = (colour) => (colour.match(/[\\d.]+/g) ?? []).map(Number);
  const linear = (value) =>
    value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4;
  const luminance = ([red, green, blue]) =>
    0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
  const groundOf = (element) => {
    for (let node = element; node; node = node.parentElement) {
      const ground = channels(getComputedStyle(node).backgroundColor);
      if (ground.length === 3 || ground[3] === 1) return ground;
    }
    return [255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const faults = [];
  let texts = 0;
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (node.data.trim() === "" || !element.checkVisibility()) continue;
    texts += 1;
    const [a, b] = [
      luminance(channels(getComputedStyle(element).color)),
      luminance(groundOf(element)),
    ].sort((one, other) => other - one);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) faults.push(ratio.toFixed(2) + " " + node.data.trim().slice(0, 40));
  }
  return { texts, faults };
})()`;

export function colourFaults(page: Page): Promise<{ texts: number; faults: string[] }> {
  return page.evaluate(measure);
}
