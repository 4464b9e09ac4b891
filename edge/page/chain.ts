// The chain of causes: the first is nearest, each next one is why the one before holds.
import { html } from "hono/html";
import type { Cause } from "#shared/reported.ts";
import type { Html } from "./html.ts";

/** @param of what is not converged, for the list's id */
export function chain(of: string, why: readonly Cause[] = []): Html {
  if (why.length === 0) return html``;
  const links = why.map(({ reason, message }) => html`<li data-reason="${reason}">${message}</li>`);
  return html`<p id="why-${of}">Why it is not as wanted, and why that is:</p>
<ol class="why" aria-labelledby="why-${of}">${links}</ol>`;
}
