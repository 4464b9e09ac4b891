// What the fleet page says first when something is in the way, and what to do about it.
import { html } from "hono/html";
import type { RepositoryHealth } from "#hub/git/health.ts";
import type { BranchRow } from "#hub/store/port.ts";
import { icon } from "./badge.ts";
import { ago, commit, type Html } from "./html.ts";

/** Nothing while the repository can be read and its commits are taken in. */
export function repositoryNote(repository: RepositoryHealth, now: number): Html {
  const { url, reachable, problem, hint, fetchedAt } = repository;
  if (problem === null) return html``;
  const title = reachable
    ? "What the fleet repository holds cannot be taken in."
    : "The fleet repository cannot be fetched.";
  const since =
    fetchedAt === null
      ? "It was never fetched, so no commit reaches any device."
      : html`It was last fetched ${ago(fetchedAt, now)}; devices stay on what they have.`;
  return html`<div class="note bad" id="repository-problem">${icon("cross")}<div><p><strong>${title}</strong> ${since}</p>
<p>${problem}</p>${hint === null ? "" : html`<p>${hint}</p>`}
<p class="muted">Repository: <code>${url}</code>. The hub tries again by itself.</p></div></div>`;
}

export function refusalNote({ branch, head, accepted, refusal }: BranchRow): Html {
  const serving =
    accepted === null
      ? "No commit of this branch was accepted yet, so its deployments reach no device."
      : html`Devices stay on ${commit(accepted)}.`;
  return html`<div class="note bad" id="refusal-${branch}">${icon("slash")}<div><p><strong>Branch ${branch}: commit ${commit(head)} is refused.</strong> ${serving}</p><p>${refusal}</p>
<p class="muted">Correct this and commit to ${branch}: the hub reads the new commit by itself.</p></div></div>`;
}

/** In place of the table of branches, before any is known. */
export function noBranches({ reachable, problem, url }: RepositoryHealth): Html {
  if (problem !== null) return html``;
  if (!reachable) {
    return html`<p class="empty">The fleet repository <code>${url}</code> is being fetched for the first time.</p>`;
  }
  return html`<div class="empty"><p>Nothing of the fleet repository <code>${url}</code> is read yet: its first commit is being read, or its default branch has none.</p>
<p class="muted">With none, commit a <code>fleet.yaml</code> with a deployment and the role that it names, and the hub takes it up by itself.</p></div>`;
}

/** In place of the table of devices, before any is enrolled.
 *  @param origin the hub's address as the browser reached it */
export function noDevices(origin: string): Html {
  return html`<div class="empty"><p>No device is enrolled yet.</p>
<ol><li>Make a token that enrols one device within a day:<pre><code>curl -X POST ${origin}/v1/enrollment-tokens \\
  -H "Authorization: Bearer $(cat operator.token)" \\
  -H "Content-Type: application/json" -d '{}'</code></pre></li>
<li>Write it as <code>hub.token</code> into the device's <code>agent.yaml</code>, beside <code>hub.url: ${origin}</code>.</li>
<li>Start its agent. The device shows up here by itself.</li></ol></div>`;
}

/** The page of a device that is not enrolled.
 *  @param name as it stood in the address */
export function unknownDevice(name: string): Html {
  return html`<nav class="crumbs" aria-label="Breadcrumb"><a href="/">Fleet</a></nav>
<div class="empty"><h1>No device ${name}</h1>
<p>No device of this name is enrolled here. Names are 1 to 63 characters of a-z, 0-9 and -.</p>
<p class="muted">A device shows up once its agent has enrolled with a token.</p>
<p><a href="/">Show all devices</a></p></div>`;
}
