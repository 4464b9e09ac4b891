// Keeps the page current without a reload: fetches it again and changes only what differs, so that
// focus, selection and opened details stay. The page is whole without it.

const everyMs = 5000;
const news = document.querySelector("#news");
let isBusy = false;

async function refresh() {
  if (isBusy || document.hidden) return;
  isBusy = true;
  try {
    const response = await fetch("/", { headers: { accept: "text/html" } });
    if (response.ok) show(await response.text());
    setAway(!response.ok);
  } catch {
    setAway(true);
  } finally {
    isBusy = false;
  }
}

function setAway(isAway) {
  if (document.body.classList.contains("away") === isAway) return;
  document.body.classList.toggle("away", isAway);
  news.textContent = isAway
    ? "The device does not answer: what you see is old."
    : "The device answers again.";
}

function show(text) {
  const fresh = new DOMParser().parseFromString(text, "text/html");
  const sentence = () => document.querySelector("#sentence")?.textContent;
  const before = sentence();
  document.title = fresh.title;
  for (const region of ["#live", "nav"]) {
    const wanted = fresh.querySelector(region);
    if (wanted) become(document.querySelector(region), wanted);
  }
  if (sentence() !== before) news.textContent = sentence();
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

document.addEventListener("visibilitychange", refresh);
setInterval(refresh, everyMs);
