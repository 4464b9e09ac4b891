// Keeps the page current: on news from the watch stream it fetches the page's main part again and
// changes what differs. Focus, scroll position and open details stay, because nodes stay.

const refreshEveryMs = 1000;
/** For what no message tells: "last seen" moves with every heartbeat. */
const refreshAtLeastMs = 15_000;
const newsEveryMs = 5000;
/** What a device said reaches some pages a moment after the news of it. */
const lateMs = Number(document.body.dataset.lateMs ?? 0);

const live = document.querySelector("#live");
const news = document.querySelector("#news");
let lastRefreshMs = Number.NEGATIVE_INFINITY;
let lastNewsMs = Number.NEGATIVE_INFINITY;
let timer;
let isBusy = false;
let isStale = false;

function setLive(isConnected) {
  live.hidden = false;
  live.textContent = isConnected ? "live" : "reconnecting";
  live.classList.toggle("away", !isConnected);
}

function refreshSoon() {
  isStale = true;
  if (timer !== undefined || isBusy || document.hidden) return;
  const waitMs = Math.max(lateMs, lastRefreshMs + refreshEveryMs - performance.now());
  timer = setTimeout(refresh, waitMs);
}

async function refresh() {
  timer = undefined;
  isBusy = true;
  isStale = false;
  lastRefreshMs = performance.now();
  try {
    const response = await fetch(location.href, { headers: { "X-Fragment": "main" } });
    if (response.status === 401) return location.reload();
    if (response.ok) show(await response.text());
  } catch {
    isStale = true;
  } finally {
    isBusy = false;
    if (isStale) setTimeout(refreshSoon, refreshEveryMs);
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

function connect() {
  const source = new EventSource(document.body.dataset.live);
  source.addEventListener("open", () => setLive(true));
  source.addEventListener("error", () => {
    setLive(false);
    if (source.readyState !== EventSource.CLOSED) return;
    // Closed for good, e.g. signed out: the page itself tells why.
    setTimeout(() => {
      refreshSoon();
      connect();
    }, newsEveryMs);
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
