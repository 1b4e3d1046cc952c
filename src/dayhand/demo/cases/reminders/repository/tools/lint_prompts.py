"""The rules for prompt files: python3 tools/lint_prompts.py FOLDER

A prompt is code that nobody compiles; these are the mistakes that we made before.
"""

import re
import sys
from pathlib import Path

LONGEST = 100
HEAD = ("name", "purpose", "placeholders")


def problems(path):
    """Yield (line number, what is wrong) for one file."""
    raw = path.read_text(encoding="utf-8")
    lines = raw.splitlines()
    if lines[:1] != ["---"] or "---" not in lines[1:]:
        yield 1, "must begin with a head between two lines '---'"
        return
    end = lines.index("---", 1)
    head = dict(line.split(": ", 1) for line in lines[1:end] if ": " in line)
    for key in HEAD:
        if key not in head:
            yield 1, f"the head lacks '{key}'"
    if head.get("name") != path.name.removesuffix(".message.md"):
        yield 2, "the name is not the file's"
    yield from placeholder_problems(lines, end, head)
    for number, line in enumerate(lines, start=1):
        if len(line) > LONGEST:
            yield number, f"{len(line)} characters; {LONGEST} are allowed"
        if line != line.rstrip():
            yield number, "blanks at the end of the line"
        if "\t" in line:
            yield number, "a tab"
    if not raw.endswith("\n") or raw.endswith("\n\n"):
        yield len(lines), "must end with one newline"


def placeholder_problems(lines, end, head):
    declared = [name.strip() for name in head.get("placeholders", "").split(",") if name.strip()]
    used = set()
    for number, line in enumerate(lines[end + 1 :], start=end + 2):
        for name in re.findall(r"\{\{\s*(\w+)\s*\}\}", line):
            used.add(name)
            if name not in declared:
                yield number, f"{{{{{name}}}}} is not declared (declared: {', '.join(declared)})"
    for name in declared:
        if name not in used:
            yield 1, f"'{name}' is declared but not used"


def main(folders):
    paths = sorted(path for folder in folders for path in Path(folder).glob("*.message.md"))
    found = [(path, number, text) for path in paths for number, text in sorted(problems(path))]
    for path, number, text in found:
        print(f"{path}:{number}: {text}")
    print(f"{len(paths)} prompts, {len(found)} problems")
    return 1 if found or not paths else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
