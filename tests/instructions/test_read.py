"""The layouts in which repositories keep instructions for coding agents, and what of each reaches the prompt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from dayhand.instructions.read import CUT, MAX_BYTES, governing, read_instructions


@dataclass(frozen=True)
class Commit:
    """Files and links as data."""

    texts: Mapping[str, str]
    links: Mapping[str, str] = field(default_factory=dict)

    def paths(self) -> tuple[str, ...]:
        return tuple(self.texts)

    def read(self, path: str) -> str:
        return self.texts.get(path, "")

    def target(self, link: str) -> str:
        return self.links[link]


CODE = {"src/a.py": "", "src/web/b.ts": "", "docs/c.md": ""}
CURSOR_418 = "\n".join(f"Rule {number}: use names that say what is meant." for number in range(1, 419))
SCOPED = "---\napplyTo: '**/*.ts,**/*.tsx'\n---\nRULE"
EVERYWHERE = {"src/a.py", "src/web/b.ts", "docs/c.md"}

# The files with their texts, the links, and which of the files of CODE they govern.
LAYOUTS: dict[str, tuple[dict[str, str], dict[str, str], set[str]]] = {
    "AGENTS.md": ({"AGENTS.md": "RULE"}, {}, EVERYWHERE),
    "AGENTS.md in a folder": ({"src/AGENTS.md": "RULE"}, {}, {"src/a.py", "src/web/b.ts"}),
    "AGENTS.md as a link": ({"docs/agents/rules.md": "RULE"}, {"AGENTS.md": "docs/agents/rules.md"}, EVERYWHERE),
    "a link to a link": ({"docs/x.txt": "RULE"}, {"CLAUDE.md": "AGENTS.md", "AGENTS.md": "./docs/x.txt"}, EVERYWHERE),
    "a link in a folder": ({"rules.txt": "RULE"}, {"src/web/AGENTS.md": "../../rules.txt"}, {"src/web/b.ts"}),
    "AGENTS.override.md": ({"AGENTS.md": "OLD", "AGENTS.override.md": "RULE"}, {}, EVERYWHERE),
    "CLAUDE.md": ({"CLAUDE.md": "RULE"}, {}, EVERYWHERE),
    ".claude/CLAUDE.md": ({".claude/CLAUDE.md": "RULE"}, {}, EVERYWHERE),
    "copilot-instructions.md": ({".github/copilot-instructions.md": "RULE"}, {}, EVERYWHERE),
    "Copilot, by patterns": ({".github/instructions/web.instructions.md": SCOPED}, {}, {"src/web/b.ts"}),
    "Copilot, for everything": ({".github/instructions/x.md": '---\napplyTo: "**"\n---\nRULE'}, {}, EVERYWHERE),
    "Copilot, in the first folder": ({".github/instructions/x.md": "---\napplyTo: 'src/*'\n---\nRULE"}, {}, {"src/a.py"}),
    "GEMINI.md": ({"GEMINI.md": "RULE"}, {}, EVERYWHERE),
    ".cursorrules": ({".cursorrules": "RULE"}, {}, EVERYWHERE),
    "Cursor, 418 lines": ({".cursorrules": CURSOR_418 + "\nRULE"}, {}, EVERYWHERE),
    "Cursor, always": ({".cursor/rules/a.mdc": "---\ndescription: x\nglobs:\nalwaysApply: true\n---\nRULE"}, {}, EVERYWHERE),
    "Cursor, not YAML": ({".cursor/rules/a.mdc": "---\nglobs: *.ts,*.tsx\nalwaysApply: false\n---\nRULE"}, {}, {"src/web/b.ts"}),
    "Cursor, a list": ({".cursor/rules/a.mdc": '---\r\nglobs:\r\n  - "src/*.py"\r\n  - docs/\r\n---\r\nRULE'}, {}, {"src/a.py", "docs/c.md"}),
    "Cursor, a list in brackets": ({".cursor/rules/a.mdc": "---\nglobs: ['*.{md,py}']\n---\nRULE"}, {}, {"src/a.py", "docs/c.md"}),
    "Cursor, in a folder": ({"src/.cursor/rules/a.mdc": "---\nglobs: web/**\n---\nRULE"}, {}, {"src/web/b.ts"}),
    "Cursor, linked folder": ({"rules/a.mdc": "---\nalwaysApply: true\n---\nRULE"}, {".cursor/rules": "../rules"}, EVERYWHERE),
    "CLAUDE.md imports": ({"CLAUDE.md": "@AGENTS.md\n- @docs/x.md\n", "docs/x.md": "@./y.md", "docs/y.md": "RULE"}, {}, EVERYWHERE),
    "CLAUDE.md imports in a sentence": ({"CLAUDE.md": "See `@docs/no.md` and @docs/x.md.", "docs/x.md": "RULE", "docs/no.md": "OLD"}, {}, EVERYWHERE),
    "GEMINI.md imports": ({"GEMINI.md": "@./docs/x.md", "docs/x.md": "RULE"}, {}, EVERYWHERE),
    "Cursor, true with a capital": ({".cursor/rules/a.mdc": "---\nalwaysApply: True # always\n---\nRULE"}, {}, EVERYWHERE),
    "Cursor, a folded value": ({".cursor/rules/a.mdc": "---\nglobs: >-\n  src/web/**\n---\nRULE"}, {}, {"src/web/b.ts"}),
    "Cursor, a list with comments": ({".cursor/rules/a.mdc": "---\n# ours\nglobs:\n- docs/** # words\n---\nRULE"}, {}, {"docs/c.md"}),
    "Cursor, an exception": ({".cursor/rules/a.mdc": "---\nglobs: src/**, !src/web/**, !*.js\n---\nRULE"}, {}, {"src/a.py"}),
    "Cursor, the line ends of a Mac": ({".cursor/rules/a.mdc": "---\rglobs: *.md\r---\rRULE"}, {}, {"docs/c.md"}),
    "between two rules": ({"AGENTS.md": "---\nRULE\n---\nOTHER"}, {}, EVERYWHERE),
    "with a mark of its encoding": ({"AGENTS.md": "\ufeffRULE"}, {}, EVERYWHERE),
}  # fmt: skip

NOT_READ: dict[str, tuple[dict[str, str], str]] = {
    "Copilot, without patterns": (
        {".github/instructions/x.md": "RULE"},
        "it names no files that it applies to",
    ),
    "Copilot, for reviews": (
        {".github/instructions/x.md": "---\napplyTo: '**'\nexcludeAgent: \"coding-agent\"\n---\nRULE"},
        "it says that coding agents do not read it",
    ),
    "Cursor, on request": (
        {".cursor/rules/a.mdc": "---\ndescription: x\n---\nRULE"},
        "it applies on request only",
    ),
    "nothing to see": ({"AGENTS.md": "<!-- RULE -->"}, "it is empty"),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_each_layout_reaches_the_prompt_and_governs_its_files(name: str) -> None:
    texts, links, governed = LAYOUTS[name]
    found = read_instructions(Commit({**CODE, **texts}, links))
    assert "RULE" in found.text
    assert "OLD" not in found.text
    assert {path for path in CODE if governing(found.files, path)} == governed


@pytest.mark.parametrize("name", NOT_READ)
def test_what_is_not_read_says_why(name: str) -> None:
    texts, reason = NOT_READ[name]
    found = read_instructions(Commit({**CODE, **texts}))
    assert (found.text, [file.reason for file in found.files]) == ("", [reason])


def test_a_name_that_is_not_utf_8_can_be_kept() -> None:
    (file,) = read_instructions(Commit({"\udcff/AGENTS.md": "RULE"})).files
    assert (file.path, file.folder) == ("?/AGENTS.md", "?/")


def test_the_nearest_comes_last_and_one_text_comes_once() -> None:
    texts = {
        "src/web/AGENTS.md": "DEEP",
        "src/AGENTS.md": "MIDDLE",
        ".cursorrules": "TOP",
        "AGENTS.md": "FIRST",
        "CLAUDE.md": "FIRST\n",
    }
    found = read_instructions(Commit({**CODE, **texts}, {"GEMINI.md": "AGENTS.md"}))
    order = [found.text.index(word) for word in ("FIRST", "TOP", "MIDDLE", "DEEP")]
    assert order == sorted(order)
    assert found.text.count("FIRST") == 1
    same = {file.path: file.reason for file in found.files if file.reason}
    assert same == dict.fromkeys(("CLAUDE.md", "GEMINI.md"), "it says the same as AGENTS.md")
    assert [file.path for file in governing(found.files, "src/a.py")] == [
        "AGENTS.md",
        ".cursorrules",
        "src/AGENTS.md",
    ]


def test_all_of_them_together_have_32_kib_and_the_rest_is_named() -> None:
    texts = {"AGENTS.md": "é" * 10_000, "src/AGENTS.md": "ü" * 10_000, "src/web/AGENTS.md": "LAST"}
    found = read_instructions(Commit(texts))
    assert [file.kept for file in found.files] == [20_000, MAX_BYTES - 20_000, 0]
    assert [file.reason for file in found.files] == ["", "only its beginning fitted", "it did not fit"]
    assert len(found.text.encode()) < MAX_BYTES + 1000
    assert CUT in found.text
    assert "- src/web/AGENTS.md (for src/web/)" in found.text
    assert "LAST" not in found.text


@pytest.mark.parametrize(
    "links",
    [{"AGENTS.md": "AGENTS.md"}, {"AGENTS.md": "CLAUDE.md", "CLAUDE.md": "AGENTS.md"}, {"AGENTS.md": "../../etc/passwd"}, {"AGENTS.md": "/etc/passwd"}, {"AGENTS.md": "src"}, {".cursor/rules": "."}],
)  # fmt: skip
def test_a_link_that_leads_nowhere_is_no_instruction_file(links: dict[str, str]) -> None:
    assert read_instructions(Commit(CODE, links)).files == ()


@pytest.mark.parametrize(
    "text",
    [
        "@../outside.md",
        "@/etc/passwd",
        "@missing.md",
        "mail me@docs/x.md please",
        "```\n@docs/x.md\n```",
        "@docs/loop.md",
    ],
)
def test_what_imports_nothing_stays_a_line(text: str) -> None:
    files = {"CLAUDE.md": text, "docs/x.md": "RULE", "docs/loop.md": "@loop.md\n@../CLAUDE.md"}
    assert "RULE" not in read_instructions(Commit(files)).text
