import { html } from "./html.js";
import { chatBoxStyle } from "./styles.js";

export function ChatBox({ draft, hint }) {
  return html`<form class="chat-box" style="${chatBoxStyle()}">
      <textarea name="message" placeholder="${hint}">${draft}</textarea>
    </form>`;
}
