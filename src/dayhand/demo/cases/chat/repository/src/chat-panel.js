import { ChatBox } from "./chat-box.js";
import { html } from "./html.js";
import { messageStyle } from "./styles.js";

export function ChatPanel({ draft, hint, messages }) {
  return html`<section class="chat-panel">
    <ol>${messages.map(Message)}</ol>
    ${ChatBox({ draft, hint })}
  </section>`;
}

function Message({ from, text }) {
  return html`<li style="${messageStyle(from)}">${text}</li>`;
}
