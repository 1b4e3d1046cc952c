import assert from "node:assert/strict";
import { test } from "node:test";

import { App } from "../src/app.js";
import { MODES } from "../src/modes.js";

const page = (chatMode) => String(App({ chatMode, draft: "", messages: [] }));

test("the page names its chat mode", () => {
  assert.match(page("plan"), /<small[^>]*>Plan<\/small>/);
});

test("every mode has its own hint in the chat box", () => {
  for (const [name, { hint }] of Object.entries(MODES)) {
    assert.ok(page(name).includes(hint.replaceAll('"', "&quot;")), name);
  }
});

test("a mode that nobody knows is shown as the default one", () => {
  assert.equal(page("dance"), page("ask"));
});
