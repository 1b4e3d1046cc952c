"""Fill in a prompt file: python3 -m reminders.render NAME placeholder=value …"""

import re
import sys
from pathlib import Path

PROMPTS = Path(__file__).parent.parent / "prompts"
PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")


class PromptError(ValueError):
    """A prompt that cannot be filled in."""


def read(name, folder=PROMPTS):
    """Give the head of a prompt file as a dict, and its text."""
    whole = (folder / f"{name}.message.md").read_text(encoding="utf-8")
    head, _, text = whole.removeprefix("---\n").partition("---\n")
    return dict(line.split(": ", 1) for line in head.splitlines()), text


def declared(head):
    return [name.strip() for name in head.get("placeholders", "").split(",") if name.strip()]


def render(name, values, folder=PROMPTS):
    """Give the message that is sent to the model; every declared placeholder needs a value."""
    head, text = read(name, folder)
    wanted = declared(head)
    if missing := [each for each in wanted if each not in values]:
        raise PromptError(f"{name} needs a value for {', '.join(missing)}")
    if unknown := [each for each in PLACEHOLDER.findall(text) if each not in wanted]:
        raise PromptError(f"{name} uses {', '.join(unknown)} without declaring it")
    return PLACEHOLDER.sub(lambda found: str(values[found[1]]), text)


if __name__ == "__main__":
    print(render(sys.argv[1], dict(each.split("=", 1) for each in sys.argv[2:])))
