// Keeps the page current without a reload: fetches it again and changes only what differs, so that
// focus, selection and opened details stay. The page is whole without it.

const everyMs = 5000;
/** A device without power leaves the browser waiting for minutes. */
const patienceMs = 10_000;
/** As long as without JavaScript. */
const noteMs = 30_000;
const news = document.querySelector("#news");
/** When what is shown was true. */
let shownAt = new Date();
let isBusy = false;

async function refresh() {
  if (isBusy || document.hidden) return;
  isBusy = true;
  const waiting = new AbortController();
  const end = setTimeout(() => waiting.abort(), patienceMs);
  try {
    const headers = { accept: "text/html" };
    const response = await fetch("/", { headers, signal: waiting.signal });
    if (response.ok) show(await response.text());
    setAway(!response.ok);
  } catch {
    setAway(true);
  } finally {
    clearTimeout(end);
    isBusy = false;
  }
}

function setAway(isAway) {
  if (!isAway) shownAt = new Date();
  if (document.body.classList.contains("away") === isAway) return;
  document.body.classList.toggle("away", isAway);
  const [date, time] = shownAt.toLocaleString("sv-SE").split(" ");
  news.textContent = isAway
    ? `The device does not answer: what you see is of ${time}, ${date}.`
    : "The device answers again.";
}

function show(text) {
  const fresh = new DOMParser().parseFromString(text, "text/html");
  const sentence = () => document.querySelector("#sentence")?.textContent;
  // A share that grows or seconds that pass are no news.
  const gist = () => sentence()?.replaceAll(/\d+/g, "");
  const before = gist();
  document.title = fresh.title;
  for (const region of ["#live", "nav"]) {
    const wanted = fresh.querySelector(region);
    if (wanted) become(document.querySelector(region), wanted);
  }
  if (gist() !== before) news.textContent = sentence();
}

/** Makes an element like another. What the reader has opened, chosen or typed is theirs. */
function become(old, wanted) {
  for (const { name } of [...old.attributes]) {
    if (name !== "open" && !wanted.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of wanted.attributes) {
    if (name !== "open" && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  let at = old.firstChild;
  for (const child of [...wanted.childNodes]) {
    const match = counterpart(child, at);
    if (match) {
      for (; at !== match; at = drop(at));
      at = match.nextSibling;
      if (match.nodeType === Node.ELEMENT_NODE) become(match, child);
      else if (match.data !== child.data) match.data = child.data;
    } else {
      old.insertBefore(document.importNode(child, true), at);
    }
  }
  while (at) at = drop(at);
}

/** The same id, or the same kind of node in the same place. */
function counterpart(child, at) {
  for (let node = at; child.id && node; node = node.nextSibling) {
    if (node.id === child.id) return node;
  }
  const isAlike = at && !child.id && !at.id && at.nodeName === child.nodeName;
  return isAlike ? at : undefined;
}

function drop(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}

/** What a button did is told once: neither a reload nor a page that stays open says it again. */
function tellOnce() {
  history.replaceState(null, "", "/");
  setTimeout(() => document.querySelector(".note")?.remove(), noteMs);
}

if (document.querySelector(".note")) tellOnce();
document.addEventListener("visibilitychange", refresh);
setInterval(refresh, everyMs);
