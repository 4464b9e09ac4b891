// Draws terminal lines as an SVG picture that looks the same with every font.
import type { Line, Span } from "./screen.ts";

const cellWidth = 8.2;
const lineHeight = 18;
const margin = 16;

const usual = "#d4d7dd";
/** By the codes that `fleet` writes. */
const colours: Readonly<Record<string, string>> = {
  "1": "#ffffff",
  "2": "#8b929e",
  "31": "#ff7b72",
  "32": "#7ee787",
  "33": "#e3b341",
};

export function draw(lines: readonly Line[], columns: number, title: string): string {
  const width = Math.ceil(columns * cellWidth + 2 * margin);
  const height = lines.length * lineHeight + 2 * margin;
  const rows = lines.map((line, at) => row(line, margin + (at + 0.75) * lineHeight));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>${escaped(title)}</title>
<rect width="100%" height="100%" rx="8" fill="#161b22"/>
<g font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="13.5">
${rows.filter((text) => text !== "").join("\n")}
</g>
</svg>
`;
}

/** Each span at its own place and of its own length, so that columns stay columns. */
function row(line: Line, y: number): string {
  let cell = 0;
  return line
    .map((span) => {
      const x = margin + cell * cellWidth;
      cell += span.text.length;
      return span.text.trim() === "" ? "" : text(span, x, y);
    })
    .join("");
}

function text({ text: words, code }: Span, x: number, y: number): string {
  const fill = colours[code] ?? usual;
  const weight = code === "1" ? ' font-weight="bold"' : "";
  const length = (words.length * cellWidth).toFixed(1);
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" fill="${fill}"${weight} textLength="${length}" lengthAdjust="spacingAndGlyphs">${kept(words)}</text>`;
}

/** Spaces that a browser would draw as one are written as ones that it keeps. */
function kept(words: string): string {
  return escaped(words).replaceAll(" ", "\u00A0");
}

function escaped(words: string): string {
  return words.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
