"""What a person reads of work that a limit ended: which limit, how much was used, and what to do."""

from __future__ import annotations

from dayhand.publish.markdown.sanitize import line
from dayhand.usage import LimitHit


def limited(reached: LimitHit | None) -> str:
    """A paragraph of the pull request's, before the model's words; "" where no limit had a part in it."""
    if reached is None:
        return ""
    if reached.exceeded:
        return (
            f"✋ **This stays a draft:** {stopped(reached)}. What it says is left stands in its words below. "
            f"Write `@bot accept` here to take it as it is. For the rest, ask again here, or raise {line(reached.limit.setting)}."
        )
    return (
        f"⏳ **Told to finish:** {hurried(reached)}. What it left out for that, if anything, stands in its words below. "
        f"More room: {line(reached.limit.setting)}."
    )


def stopped(reached: LimitHit) -> str:
    """Half a sentence about work that had to stop."""
    return f"the model had to stop at a limit, {_used(reached)}"


def hurried(reached: LimitHit) -> str:
    """Half a sentence about work that came to an end once little was left."""
    return f"little was left when the model finished, {_used(reached)}"


def note(reached: LimitHit | None) -> str:
    """A sentence before an answer; "" where no limit had a part in it."""
    if reached is None:
        return ""
    said = stopped(reached) if reached.exceeded else hurried(reached)
    return f"⏳ {said[0].upper()}{said[1:]}. More room: {line(reached.limit.setting)}."


def _used(reached: LimitHit) -> str:
    limit = reached.limit
    return f"with {limit.format(reached.used)} used of {limit.format(limit.maximum)}"
