// The page's own files: read once, named by their content, kept by browsers for a year.
import { readFileSync } from "node:fs";
import { sha256 } from "#shared/canonical.ts";

const types = {
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
} as const;

/** What the browser gets, and the files that it is put together from, in order. */
const sources = {
  "page.css": [
    "tokens.css",
    "base.css",
    "frame.css",
    "controls.css",
    "status.css",
    "tables.css",
    "device.css",
    "panels.css",
    "rollout.css",
    "log.css",
    "narrow.css",
  ],
  "page.js": ["page.js"],
  "log.js": ["log.js"],
  "icon.svg": ["icon.svg"],
} as const satisfies Record<string, readonly string[]>;
export type AssetName = keyof typeof sources;

export interface Asset {
  /** Path with the content's hash. */
  url: string;
  type: string;
  content: string;
}

export interface Assets {
  url: (name: AssetName) => string;
  find: (path: string) => Asset | undefined;
}

export function loadAssets(): Assets {
  const names = Object.keys(sources) as AssetName[];
  const loaded = new Map(names.map((name) => [name, load(name)]));
  const byUrl = new Map([...loaded.values()].map((asset) => [asset.url, asset]));
  return {
    url: (name) => loaded.get(name)?.url ?? "",
    find: (path) => byUrl.get(path),
  };
}

function load(name: AssetName): Asset {
  const content = sources[name].map(readSource).join("\n");
  const [stem, extension] = name.split(".") as [string, keyof typeof types];
  const url = `/assets/${stem}.${sha256(content).slice(0, 16)}.${extension}`;
  return { url, type: types[extension], content };
}

function readSource(file: string): string {
  return readFileSync(new URL(`./assets/${file}`, import.meta.url), "utf8");
}
