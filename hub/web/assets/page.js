// Keeps the page current: on news from the watch stream it fetches the page's main part again and
// changes what differs. Focus, scroll position and open details stay, because nodes stay. What could
// not be fetched is said to be old.

const refreshEveryMs = 1000;
/** For what no message tells: "last seen" moves with every heartbeat. */
const refreshAtLeastMs = 15_000;
const newsEveryMs = 5000;
/** A hub that is gone without a word, as one that lost its power, leaves the browser waiting for minutes. */
const patienceMs = 10_000;
const retryMs = 3000;
/** What a device said reaches some pages a moment after the news of it. */
const lateMs = Number(document.body.dataset.lateMs ?? 0);

const live = document.querySelector("#live");
const stale = document.querySelector("#stale");
const news = document.querySelector("#news");
let lastRefreshMs = Number.NEGATIVE_INFINITY;
let lastNewsMs = Number.NEGATIVE_INFINITY;
/** When what is shown was true. */
let shownAt = new Date();
let timer;
let isBusy = false;
let isAskedAgain = false;
let isConnected = false;
let isStale = false;

function showLive() {
  const isLive = isConnected && !isStale;
  live.hidden = false;
  live.textContent = isLive ? "live" : "reconnecting";
  live.classList.toggle("away", !isLive);
}

/** Changes nothing while the words are the same: it is an alert, which is read out with every change. */
function showStale(why) {
  isStale = why !== undefined;
  stale.hidden = !isStale;
  const [date, time] = shownAt.toLocaleString("sv-SE").split(" ");
  const words = isStale ? `${why}: what you see is of ${time}, ${date}.` : "";
  if (stale.textContent !== words) stale.textContent = words;
  showLive();
}

function refreshSoon() {
  isAskedAgain = true;
  if (timer !== undefined || isBusy || document.hidden) return;
  const waitMs = Math.max(lateMs, lastRefreshMs + refreshEveryMs - performance.now());
  timer = setTimeout(refresh, waitMs);
}

async function refresh() {
  timer = undefined;
  isBusy = true;
  isAskedAgain = false;
  lastRefreshMs = performance.now();
  const problem = await fetchMain();
  showStale(problem);
  isBusy = false;
  if (problem !== undefined) setTimeout(refreshSoon, retryMs);
  else if (isAskedAgain) refreshSoon();
}

/** What kept it from being fetched; undefined when it was. */
async function fetchMain() {
  const waiting = new AbortController();
  const end = setTimeout(() => waiting.abort(), patienceMs);
  try {
    const headers = { "X-Fragment": "main" };
    const response = await fetch(document.body.dataset.at, { headers, signal: waiting.signal });
    // Signed out, or the device is gone: the whole page says so.
    if ([401, 404].includes(response.status)) return location.replace(document.body.dataset.at);
    if (!response.ok) return `The hub answers with an error (${response.status})`;
    show(await response.text());
    shownAt = new Date();
    return undefined;
  } catch {
    return "The hub does not answer";
  } finally {
    clearTimeout(end);
  }
}

function show(text) {
  const fresh = new DOMParser().parseFromString(text, "text/html").querySelector("main");
  if (fresh) morph(document.querySelector("main"), fresh);
}

/** Makes one element like another, keeping every node that can stay. */
function morph(old, fresh) {
  // Copied first: both lists change while they are read.
  const names = Array.from(old.attributes, ({ name }) => name);
  for (const name of names) {
    if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (name !== "open" && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  morphChildren(old, fresh);
}

function morphChildren(old, fresh) {
  let next = old.firstChild;
  for (const wanted of Array.from(fresh.childNodes)) {
    const match = matchFor(wanted, next, old);
    if (match === undefined) {
      old.insertBefore(document.importNode(wanted, true), next);
      continue;
    }
    if (match !== next) old.insertBefore(match, next);
    else next = next.nextSibling;
    if (match.nodeType === Node.ELEMENT_NODE) morph(match, wanted);
    else if (match.data !== wanted.data) match.data = wanted.data;
  }
  while (next) {
    const after = next.nextSibling;
    next.remove();
    next = after;
  }
}

/** An element with an id is matched by it wherever it stands; others only in place. */
function matchFor(wanted, next, parent) {
  const id = wanted.id;
  if (id) {
    for (let node = next; node; node = node.nextSibling) if (node.id === id) return node;
    return undefined;
  }
  const isSame =
    next && next.nodeName === wanted.nodeName && !next.id && parent === next.parentNode;
  return isSame ? next : undefined;
}

function tell(message) {
  if (performance.now() - lastNewsMs < newsEveryMs) return;
  lastNewsMs = performance.now();
  news.textContent = message;
}

function setConnected(is) {
  isConnected = is;
  showLive();
}

function connect() {
  const source = new EventSource(document.body.dataset.live);
  source.addEventListener("open", () => setConnected(true));
  source.addEventListener("error", () => {
    setConnected(false);
    // Whether the hub is gone, or only the stream, the next answer tells.
    refreshSoon();
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, newsEveryMs);
  });
  for (const kind of ["ready", "device", "branch", "resync"]) {
    source.addEventListener(kind, refreshSoon);
  }
  source.addEventListener("event", ({ data }) => {
    refreshSoon();
    const { device, message } = JSON.parse(data);
    tell(device === null ? message : `${device}: ${message}`);
  });
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) refreshSoon();
});
setInterval(refreshSoon, refreshAtLeastMs);
connect();
