// Keeps an open page up to date: what the server draws anew takes the place of what is shown. Every page is whole
// without this.
"use strict";
const EVERY = 2000; // milliseconds
const drawn = new Map();
for (const part of document.querySelectorAll("[data-live]")) drawn.set(part.id, part.innerHTML);
if (drawn.size) setInterval(refresh, EVERY);

const who = document.querySelector(".who select");
who.addEventListener("change", () => who.form.requestSubmit());

async function refresh() {
  if (document.hidden) return;
  let page;
  try {
    const answer = await fetch(location.href);
    if (!answer.ok) return;
    page = new DOMParser().parseFromString(await answer.text(), "text/html");
  } catch {
    return; // this GitHub has stopped: what is shown stays
  }
  for (const [id, before] of drawn) {
    const shown = document.getElementById(id);
    const fresh = page.getElementById(id);
    if (!fresh || fresh.innerHTML === before || shown.contains(document.activeElement)) continue;
    drawn.set(id, fresh.innerHTML);
    const open = [...shown.querySelectorAll("details")].map((one) => one.open);
    shown.replaceChildren(...fresh.childNodes);
    shown.querySelectorAll("details").forEach((one, index) => {
      if (index in open) one.open = open[index];
    });
  }
}
