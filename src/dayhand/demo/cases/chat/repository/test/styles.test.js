import assert from "node:assert/strict";
import { test } from "node:test";

import { chatBoxStyle } from "../src/styles.js";

test("the chat box has a border", () => {
  assert.match(chatBoxStyle(), /border: 2px solid #[0-9a-f]{6};/);
});
