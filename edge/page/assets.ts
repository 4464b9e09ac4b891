// The page's own files, read once: a disk that fails later takes nothing from the page.
import { readFileSync } from "node:fs";

const css = ["tokens", "base", "frame", "words", "tables", "controls"].map((name) => `${name}.css`);

const assets: Asset[] = [
  { path: "/style.css", type: "text/css; charset=utf-8", files: css },
  { path: "/page.js", type: "text/javascript; charset=utf-8", files: ["page.js"] },
  { path: "/icon.svg", type: "image/svg+xml", files: ["icon.svg"] },
];

interface Asset {
  path: string;
  type: string;
  /** What it is put together from, in order. */
  files: string[];
}

export function loadAssets(): { path: string; type: string; content: string }[] {
  return assets.map(({ path, type, files }) => ({
    path,
    type,
    content: files.map(readSource).join("\n"),
  }));
}

function readSource(file: string): string {
  return readFileSync(new URL(`./assets/${file}`, import.meta.url), "utf8");
}
