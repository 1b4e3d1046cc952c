import { ChatPanel } from "./chat-panel.js";
import { html } from "./html.js";
import { modeOf } from "./modes.js";

export function App({ chatMode, draft, messages }) {
  const { label, hint } = modeOf(chatMode);
  return html`<main>
  <header>Parlour <small title="Alt+M changes it">${label}</small></header>
  ${ChatPanel({ draft, hint, messages })}
</main>`;
}
