"""A limit that ended the model's work: which one, how much was used, and what to do."""

from __future__ import annotations

from dayhand.publish.markdown.sanitize import line
from dayhand.usage import LimitHit


def limit_hit(hit: LimitHit | None) -> str:
    """A paragraph of the pull request, before the model's summary; "" if no limit was reached."""
    if hit is None:
        return ""
    setting = line(hit.limit.setting)
    if hit.exceeded:
        return (
            f"✋ **This stays a draft:** {stopped(hit)}. See the summary below for what is left to do. "
            f"To accept it as it is, comment `@bot accept` here. To continue, ask again here, or raise {setting}."
        )
    return (
        f"⏳ **Finished early** because little was left ({_used(hit)}). See the summary below for anything that was left out. "
        f"To allow more, raise {setting}."
    )


def note(hit: LimitHit | None) -> str:
    """A sentence below an answer; "" if no limit was reached."""
    if hit is None:
        return ""
    text = stopped(hit) if hit.exceeded else finished_early(hit)
    return f"⏳ {text[0].upper()}{text[1:]}. To allow more, raise {line(hit.limit.setting)}."


def stopped(hit: LimitHit) -> str:
    """Half a sentence: the model exceeded the limit."""
    return f"the model had to stop at a limit ({_used(hit)})"


def finished_early(hit: LimitHit) -> str:
    """Half a sentence: the model finished because it was told that little was left."""
    return f"the model finished early because little was left ({_used(hit)})"


def _used(hit: LimitHit) -> str:
    return f"{hit.limit.format(hit.used)} of {hit.limit.format(hit.limit.maximum)} used"
