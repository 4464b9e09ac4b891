// Follows a log: the lines that came with the page give way to the stream, which begins with the same ones.
// Without this script the page shows the last lines, and "Show" reads them again.

/** More would make the browser slow; the rest is a command away. */
const maxLines = 5000;

const log = document.querySelector("#log");
const state = document.querySelector("#log-state");
let isFresh = true;

function setState(words, isAway) {
  state.hidden = false;
  state.textContent = words;
  state.classList.toggle("away", isAway);
}

function isAtEnd() {
  return log.scrollHeight - log.scrollTop - log.clientHeight < 40;
}

function add(node) {
  document.querySelector("#log-empty")?.remove();
  if (isFresh) log.replaceChildren();
  const follows = isFresh || isAtEnd();
  isFresh = false;
  log.append(node);
  while (log.childElementCount > maxLines) log.firstElementChild.remove();
  if (follows) log.scrollTop = log.scrollHeight;
}

function lineOf({ at, from, stream, text }) {
  const line = document.createElement("span");
  line.className = stream === "stderr" ? "line err" : "line";
  const time = document.createElement("time");
  time.dateTime = new Date(at).toISOString();
  time.title = time.dateTime;
  time.textContent = time.dateTime.slice(11, 19);
  line.append(time, " ");
  if (from !== undefined) {
    const who = document.createElement("b");
    who.textContent = from;
    line.append(who, " ");
  }
  line.append(`${text}\n`);
  return line;
}

/** As the page itself says it. */
function bytesText(bytes) {
  const power = Math.min(4, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const value = bytes / 1000 ** power;
  return `${value >= 10 ? Math.round(value) : value.toFixed(1)} ${["B", "kB", "MB", "GB", "TB"][power]}`;
}

function gapOf(words) {
  const gap = document.createElement("span");
  gap.className = "gap";
  gap.textContent = `${words}\n`;
  return gap;
}

function follow() {
  const source = new EventSource(log.dataset.stream);
  source.addEventListener("open", () => {
    isFresh = true;
    setState("live", false);
  });
  source.addEventListener("line", ({ data }) => add(lineOf(JSON.parse(data))));
  source.addEventListener("dropped", ({ data }) => {
    add(gapOf(`${bytesText(JSON.parse(data).bytes)} were lost here`));
  });
  source.addEventListener("end", ({ data }) => {
    source.close();
    const { message } = JSON.parse(data);
    isFresh = false;
    add(gapOf(message));
    setState("ended", true);
  });
  source.addEventListener("error", () => {
    // Refused for good: the page itself says why, as it was read with the same question.
    setState(source.readyState === EventSource.CLOSED ? "not live" : "reconnecting", true);
  });
}

log.scrollTop = log.scrollHeight;
follow();
