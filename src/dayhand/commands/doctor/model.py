"""Whether the model server of the settings answers, takes the key and has the models: asked as any OpenAI client asks."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator

from dayhand.commands.doctor.codes import FaultCode
from dayhand.commands.doctor.finding import HealthFinding
from dayhand.settings.table import Settings
from dayhand.settings.value_types import mask_password

SECONDS = 10.0
MAX_NAMED = 5


def check_models(settings: Settings) -> Iterator[HealthFinding]:
    """Ask for the server's list of models, which costs nothing. No model is asked a question."""
    if not settings.real_model:
        yield HealthFinding(
            "neither OPENAI_API_KEY nor OPENAI_BASE_URL is set",
            FaultCode.MODEL_NOT_SET,
            "Set the key for OpenAI, or the address of another server.",
        )
        return
    # Its import takes a second, and only the doctor and the benchmarks need it.
    import openai

    server = mask_password(settings.openai_base_url) or "OpenAI"
    client = openai.OpenAI(
        api_key=settings.openai_api_key or "none",
        base_url=settings.openai_base_url or None,
        timeout=SECONDS,
        max_retries=0,
    )
    try:
        with client:
            reply = client.models.with_raw_response.list()
    except openai.APIConnectionError as error:
        reason = str(error.__cause__ or error)
        yield HealthFinding(
            f"the server at {server} does not answer: {reason}",
            FaultCode.MODEL_SILENT,
            "Check OPENAI_BASE_URL, and whether the server runs and this machine can reach it.",
        )
    except (openai.AuthenticationError, openai.PermissionDeniedError) as error:
        yield HealthFinding(
            f"the server at {server} refuses the key (status {error.status_code})",
            FaultCode.MODEL_KEY_REFUSED,
            "Check OPENAI_API_KEY: whether it is complete, valid, and meant for this server.",
        )
    except openai.APIStatusError as error:
        yield _unlisted(settings, server, f"its list of models has status {error.status_code}")
    else:
        yield from _compare(settings, server, reply.http_response.content)


def _compare(settings: Settings, server: str, content: bytes) -> Iterator[HealthFinding]:
    """Look for each model in the list, whose form is OpenAI's."""
    names = _names(content)
    if names is None:
        yield _unlisted(settings, server, "its list of models is not in OpenAI's form")
        return
    for model in settings.models:
        if model in names:
            yield HealthFinding(f"{server} has {model}")
            continue
        near = difflib.get_close_matches(model, names, n=MAX_NAMED, cutoff=0.3) or sorted(names)[:MAX_NAMED]
        yield HealthFinding(
            f"{model} is not in the list of {server}",
            FaultCode.MODEL_NOT_LISTED,
            f"Set DAYHAND_MODEL to one that is: {', '.join(near)}. Ignore this if {model} is an alias."
            if near
            else "The list is empty: load a model on the server.",
        )


def _names(content: bytes) -> set[str] | None:
    """The ids in a list of models; None if this is not one."""
    try:
        rows = json.loads(content)["data"]
        return {str(row["id"]) for row in rows}
    except (ValueError, RecursionError, TypeError, KeyError):
        return None


def _unlisted(settings: Settings, server: str, reason: str) -> HealthFinding:
    return HealthFinding(
        f"{server} answers, but {reason}, so {', '.join(settings.models)} was not looked up",
        FaultCode.MODELS_NOT_LISTED,
        "Nothing to do if the model answers the question below.",
    )
