import { App } from "./app.js";
import { MODES } from "./modes.js";

const state = {
  chatMode: "ask",
  draft: "",
  messages: [
    { from: "them", text: "Good morning! What are we writing today?" },
    { from: "me", text: "A letter to my landlord & his dog." },
  ],
};

function show() {
  document.querySelector("#root").innerHTML = String(App(state));
}

window.addEventListener("keydown", (event) => {
  const names = Object.keys(MODES);
  if (event.altKey && event.key === "m") {
    state.chatMode = names[(names.indexOf(state.chatMode) + 1) % names.length];
    show();
  }
});

show();
