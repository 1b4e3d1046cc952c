// The live log: lines arrive as server-sent events; the page is whole without this.
"use strict";
const task = document.getElementById("task");
const log = document.getElementById("log");

function line(note) {
  const row = document.createElement("div");
  row.className = `note ${note.kind}`;
  row.id = `L${note.line}`;
  const anchor = document.createElement("a");
  anchor.href = `#L${note.line}`;
  anchor.textContent = note.line;
  const text = document.createElement("pre");
  text.textContent = note.text; // never as HTML: this is what sandboxed code printed
  row.append(anchor, text);
  return row;
}

if (task.dataset.running) {
  const events = new EventSource(`/tasks/${task.dataset.id}/events?after=${task.dataset.after}`);
  events.onmessage = (event) => {
    const atEnd = window.innerHeight + window.scrollY >= document.body.scrollHeight - 80;
    const note = JSON.parse(event.data);
    log.append(line(note));
    if (atEnd) window.scrollTo(0, document.body.scrollHeight);
    if (note.kind === "stage") refreshSteps();
  };
  events.addEventListener("over", () => {
    events.close();
    location.reload();
  });
}

// Stages and durations are drawn by the server: fetch them again rather than know them twice.
async function refreshSteps() {
  const page = new DOMParser().parseFromString(await (await fetch(location.pathname)).text(), "text/html");
  for (const part of [".steps", ".lead"]) {
    const fresh = page.querySelector(part);
    if (fresh) document.querySelector(part).replaceWith(fresh);
  }
}
