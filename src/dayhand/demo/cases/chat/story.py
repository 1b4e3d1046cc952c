"""The chat story's script: a value that must be passed through four files."""

from __future__ import annotations

import re
from collections.abc import Sequence

from dayhand.scripted_model.moves import Finish, Move, Patch, Plan, Say, ScriptState, Script, Shell
from dayhand.demo.command_output import all_output, cite, find_group, location, play_turns
from dayhand.demo.story import Story

PATHS = ("src/app.js", "src/chat-panel.js", "src/chat-box.js", "src/styles.js")
LOST = "ChatBox({ draft, hint })"
STEPS = ("Tests: a border for each mode", "Pass chatMode from App to the styles", "Run the tests and the linter")

TESTS = """\
*** Begin Patch
*** Update File: test/app.test.js
@@ test("a mode that nobody knows is shown as the default one", () => {
   assert.equal(page("dance"), page("ask"));
 });
+
+test("the border of the chat box depends on the chat mode", () => {
+  const border = (mode) => /class="chat-box" style="(border: [^;]+);/.exec(page(mode))[1];
+  const borders = Object.keys(MODES).map(border);
+  assert.equal(new Set(borders).size, borders.length, borders.join(", "));
+});
*** Update File: test/styles.test.js
@@ test("the chat box has a border", () => {
   assert.match(chatBoxStyle(), /border: 2px solid #[0-9a-f]{6};/);
 });
+
+test("a mode without a colour of its own has the default one's", () => {
+  assert.equal(chatBoxStyle("dance"), chatBoxStyle("ask"));
+  assert.notEqual(chatBoxStyle("write"), chatBoxStyle("ask"));
+});
*** End Patch
"""

CHANGE = """\
*** Begin Patch
*** Update File: src/app.js
@@
-  ${ChatPanel({ draft, hint, messages })}
+  ${ChatPanel({ chatMode, draft, hint, messages })}
*** Update File: src/chat-panel.js
@@
-export function ChatPanel({ draft, hint, messages }) {
+export function ChatPanel({ chatMode, draft, hint, messages }) {
@@
-    ${ChatBox({ draft, hint })}
+    ${ChatBox({ chatMode, draft, hint })}
*** Update File: src/chat-box.js
@@
-export function ChatBox({ draft, hint }) {
-  return html`<form class="chat-box" style="${chatBoxStyle()}">
+export function ChatBox({ chatMode, draft, hint }) {
+  return html`<form class="chat-box" style="${chatBoxStyle(chatMode)}">
*** Update File: src/styles.js
@@
-const GREY = "#c4c8ce";
+import { DEFAULT_MODE } from "./modes.js";
+
+const BORDERS = { ask: "#2f6fdb", plan: "#7a4fc4", write: "#d9730d" };
 const ROUND = "border-radius: 10px; padding: 0.6rem 0.8rem";

-export function chatBoxStyle() {
-  return `border: 2px solid ${GREY}; ${ROUND}`;
+export function chatBoxStyle(chatMode) {
+  return `border: 2px solid ${BORDERS[chatMode] ?? BORDERS[DEFAULT_MODE]}; ${ROUND}`;
 }
*** End Patch
"""


def look(_: ScriptState) -> Sequence[Move]:
    return (
        Say("The page knows the chat mode. Let me trace how far it is passed on, and where the border is drawn."),
        Shell("git ls-files && cat package.json"),
        Shell("git grep -n -e chatMode -e 'ChatBox(' -e chatBoxStyle -- src test"),
    )


def read_the_files(_: ScriptState) -> Sequence[Move]:
    return (
        Shell(f"cat {' '.join(PATHS)} src/modes.js"),
        Shell("cat test/app.test.js test/styles.test.js"),
    )


def prove_it(_: ScriptState) -> Sequence[Move]:
    return (
        Say("App does not pass chatMode on: ChatPanel and ChatBox never receive it, so the border is always grey. Tests first."),
        Plan(((STEPS[0], "in_progress"), (STEPS[1], "pending"), (STEPS[2], "pending"))),
        Patch(TESTS),
        Shell("npm test"),
    )


def pass_it_along(_: ScriptState) -> Sequence[Move]:
    return (
        Plan(((STEPS[0], "completed"), (STEPS[1], "in_progress"), (STEPS[2], "pending"))),
        Patch(CHANGE),
        Shell("npm test"),
    )


def check(_: ScriptState) -> Sequence[Move]:
    return (
        Plan(((STEPS[0], "completed"), (STEPS[1], "completed"), (STEPS[2], "in_progress"))),
        Shell("npm run lint"),
        Shell("git diff --stat && git grep -n -e chatMode -e BORDERS -- src"),
    )


def finish(state: ScriptState) -> Sequence[Move]:
    text = all_output(state)
    failed = find_group(r"^(?:#|ℹ) fail ([1-9]\d*)", text)
    first = f"With the code as it was, {failed} of the new tests failed.\n\n" if failed else ""
    return (
        Plan(tuple((step, "completed") for step in STEPS)),
        Finish(
            "Colour the chat box's border by the chat mode",
            "The page knew the chat mode but used it only for the word at the top: App did not pass it on, so the "
            f"border was always grey.\n\n`chatMode` is now passed from App through ChatPanel and ChatBox to the styles, where "
            f"each mode has a colour ({location(cite(text, 'src/styles.js', 'const BORDERS'))}): blue for asking, violet for "
            f"planning, orange for writing. A mode without a colour uses the default one.\n\n{first}{linted(text)}",
            (
                *cite(text, "src/app.js", "ChatPanel({ chatMode"),
                *cite(text, "src/chat-panel.js", "ChatBox({ chatMode"),
                *cite(text, "src/chat-box.js", "chatBoxStyle(chatMode)"),
                *cite(text, "src/styles.js", "const BORDERS"),
            ),
            ("Are the colours right? They are all in one line of src/styles.js.",),
        ),
    )


def linted(text: str) -> str:
    if re.search(r"eslint: (command )?not found|Cannot find (module|package) ['\"]?eslint", text):
        return "eslint is declared but could not be installed here, so I could not lint the change."
    return "Only these four files and their tests are changed."


def already_done(state: ScriptState) -> Sequence[Move]:
    if LOST in state.all_outputs[1]:
        return ()
    where = cite(state.all_outputs[1], "src/chat-box.js", "chatBoxStyle(chatMode)")
    account = f"The chat mode already reaches the border: {location(where)}. I changed nothing."
    return (Finish("Leave the border as it is", account, tuple(where)),)


CHAT = Story(
    name="chat",
    repository="ada/parlour",
    scripts=(
        Script(
            "chat",
            lambda prompt: "I can't see which mode the chat is in" in prompt,
            play_turns(look, read_the_files, prove_it, pass_it_along, check, finish, already_done=already_done),
        ),
    ),
)
