// Keeps an open page up to date: every few seconds it loads the page again and replaces the parts that changed. The
// pages work without it.
"use strict";
const REFRESH_EVERY = 2000; // milliseconds
const rendered = new Map();
for (const part of document.querySelectorAll("[data-live]")) rendered.set(part.id, part.innerHTML);
if (rendered.size) setInterval(refresh, REFRESH_EVERY);

const users = document.querySelector(".who select");
users.addEventListener("change", () => users.form.requestSubmit());

async function refresh() {
  if (document.hidden) return;
  let page;
  try {
    const response = await fetch(location.href);
    if (!response.ok) return;
    page = new DOMParser().parseFromString(await response.text(), "text/html");
  } catch {
    return; // the server has stopped: keep what is shown
  }
  for (const [id, before] of rendered) {
    const shown = document.getElementById(id);
    const fresh = page.getElementById(id);
    if (!fresh || fresh.innerHTML === before || shown.contains(document.activeElement)) continue;
    rendered.set(id, fresh.innerHTML);
    const open = [...shown.querySelectorAll("details")].map((one) => one.open);
    shown.replaceChildren(...fresh.childNodes);
    shown.querySelectorAll("details").forEach((one, index) => {
      if (index in open) one.open = open[index];
    });
  }
}
