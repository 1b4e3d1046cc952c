// Keeps an open page up to date: log lines arrive as server-sent events, and the server renders the rest anew.
// Every page works without this script.
"use strict";
const EVERY = 3000; // milliseconds
const task = document.getElementById("task");
const board = document.getElementById("board");

if (task) find(location.hash);
if (task && task.dataset.running) follow(task.dataset.id, task.dataset.after);
if (board) setInterval(() => replace("/tasks", board), EVERY);

// A link that names only a line, which this part of the log does not have.
function find(hash) {
  const [, number] = hash.match(/^#L([0-9]+)$/) || [];
  if (number && Number(number) <= Number(task.dataset.after) && !document.getElementById(`L${number}`) && !location.search)
    location.replace(`?line=${number}${hash}`);
}

function follow(id, after) {
  const log = document.getElementById("log");
  const live = document.getElementById("live");
  const events = new EventSource(`/tasks/${id}/events?after=${after}`);
  const head = () => replace(`/tasks/${id}/head`, document.getElementById("head"));
  const ticking = setInterval(head, EVERY);
  let waiting = [];
  events.onopen = () => (live.textContent = "Live: new lines appear here.");
  events.onerror = () => {
    const over = events.readyState === EventSource.CLOSED;
    live.textContent = over ? "No longer live. Reload the page to continue." : "Connection lost, retrying …";
    if (over) clearInterval(ticking);
  };
  events.onmessage = (event) => {
    if (waiting.push(JSON.parse(event.data)) === 1) requestAnimationFrame(show);
  };
  events.addEventListener("over", () => {
    events.close();
    clearInterval(ticking);
    location.reload();
  });

  // All lines since the last frame at once: a build may print thousands of lines a second.
  function show() {
    const atEnd = window.innerHeight + window.scrollY >= document.body.scrollHeight - 80;
    log.append(...waiting.map(line));
    if (waiting.some((note) => note.kind === "stage")) head();
    const wanted = waiting.some((note) => location.hash === `#L${note.line}`);
    waiting = [];
    if (wanted) location.replace(location.hash); // a link to a line that did not exist yet
    else if (atEnd) window.scrollTo(0, document.body.scrollHeight);
  }
}

function line(note) {
  const row = document.createElement("div");
  row.className = `note ${note.kind}`;
  row.id = `L${note.line}`;
  const anchor = document.createElement("a");
  anchor.href = `?line=${note.line}#L${note.line}`;
  anchor.textContent = note.line;
  anchor.setAttribute("aria-label", `Line ${note.line}`);
  const text = document.createElement("pre");
  text.textContent = note.text; // never as HTML: this is what sandboxed code printed
  row.append(anchor, text);
  return row;
}

// Fetch the page again and replace the element by its new content: only the server knows how to render it.
async function replace(address, shown) {
  if (document.hidden || shown.contains(document.activeElement)) return;
  try {
    const answer = await fetch(address);
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById(shown.id);
    if (fresh.innerHTML !== shown.innerHTML) shown.replaceChildren(...fresh.childNodes);
  } catch {
    // The server does not answer: keep the old content.
  }
}
