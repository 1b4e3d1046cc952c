import assert from "node:assert/strict";
import { test } from "node:test";

import { ChatPanel } from "../src/chat-panel.js";

test("what people write is text and never markup", () => {
  const messages = [{ from: "me", text: "<b>bold</b> & brave" }];
  const panel = String(ChatPanel({ draft: '"', hint: "", messages }));
  assert.ok(panel.includes("&lt;b&gt;bold&lt;/b&gt; &amp; brave"));
  assert.ok(panel.includes("&quot;</textarea>"));
});

test("my messages stand on the right", () => {
  const panel = String(ChatPanel({ draft: "", hint: "", messages: [{ from: "me", text: "hi" }] }));
  assert.match(panel, /text-align: right[^>]*>hi</);
});
