"""What a task cost, and which models worked on it."""

from __future__ import annotations

from collections.abc import Iterable

from dayhand.publish.markdown.sanitize import line
from dayhand.usage import Switch, Usage

SCRIPTED = "A **scripted** model played this: its turns were written in advance. The commands, tests and results are real."


def bill(usage: Usage, minutes: float, task_url: str) -> str:
    """The cost, folded away; by model if there were several."""
    models = "\n".join(f"- {_of_model(share)}" for share in usage.by_model)
    details = f"{models}\n\nTotal: {_tokens(usage)}" if models else f"Model: {_name(usage)}. {_tokens(usage)}"
    return (
        f"<details>\n<summary>{spent(usage)} · {minutes:.1f} minutes · {usage.turns} turns</summary>\n\n"
        f"{details}. [Everything that was run]({task_url}).\n\n</details>"
    )


def spent(usage: Usage) -> str:
    """The price, or that it is unknown."""
    if usage.scripted:
        return "$0.00 (scripted model)"
    return "price unknown" if usage.dollars is None else f"${usage.dollars:.2f}"


def spent_so_far(usage: Usage) -> str:
    """The cost of an unfinished task."""
    return f"Cost: {spent(usage)} for {_turns(usage)} of {_models(usage)}."


def took_over(switches: Iterable[Switch]) -> str:
    """A sentence for each model that another one replaced."""
    return "\n\n".join(
        f"⚠️ **{line(switch.model)}** could not continue, so **{line(switch.successor)}** took over: {line(switch.reason)}"
        for switch in switches
    )


def _of_model(share: Usage) -> str:
    return f"{_name(share)}: {_turns(share)}, {_tokens(share)}, {spent(share)}"


def _turns(usage: Usage) -> str:
    return f"{usage.turns} turn{'' if usage.turns == 1 else 's'}"


def _models(usage: Usage) -> str:
    return ", then ".join(line(share.model) for share in usage.by_model or (usage,))


def _name(usage: Usage) -> str:
    return f"{line(usage.model)} (scripted)" if usage.scripted else line(usage.model)


def _tokens(usage: Usage) -> str:
    return f"{usage.input_tokens:,} tokens in ({usage.cached_tokens:,} cached), {usage.output_tokens:,} out"
