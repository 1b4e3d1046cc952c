"""One small question to each model: which API its server speaks, and whether it calls tools and takes images."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from dayhand.agent.model.base import Item, Listener
from dayhand.agent.model.client import ModelClient
from dayhand.agent.model.items import message
from dayhand.agent.model.prices import price_of
from dayhand.agent.model.remote import RemoteModel
from dayhand.agent.model.retry import RetryPolicy
from dayhand.agent.model.server_features import Feature
from dayhand.commands.doctor.codes import FaultCode
from dayhand.commands.doctor.finding import HealthFinding
from dayhand.errors import ModelError, SettingsError
from dayhand.scripted_model.name import SCRIPTED_MODEL
from dayhand.settings.table import Settings
from dayhand.wiring.models import model_certificates
from dayhand.wiring.prices import read_prices

QUESTION = "Dayhand's doctor asks: which colour is this image? Answer by calling the tool report_colour once."
TOOL: Item = {
    "type": "function",
    "name": "report_colour",
    "description": "Reports the colour of the image.",
    "strict": False,
    "parameters": {
        "type": "object",
        "properties": {"colour": {"type": "string"}},
        "required": ["colour"],
        "additionalProperties": False,
    },
}
# A person waits: what a task would retry for minutes is a finding here.
PATIENCE = RetryPolicy(
    max_total_wait=0.0,
    max_attempts=1,
    max_connects=1,
    max_invalid_replies=1,
    waits_for_quota=False,
    idle_timeout=60.0,
    reply_timeout=120.0,
)
PIXELS = 64


@dataclass(slots=True)
class LearntFeatures:
    """What the server turned out not to support: kept here, and not in Redis, for this question alone."""

    names: set[str] = field(default_factory=set)

    def recall(self) -> frozenset[str]:
        return frozenset(self.names)

    def learn(self, names: Iterable[str]) -> None:
        self.names.update(names)


def check_prices(settings: Settings) -> Iterator[HealthFinding]:
    """The price file can be read, and has each model."""
    try:
        table = read_prices(settings)
    except SettingsError as error:
        yield HealthFinding(str(error), FaultCode.PRICES_WRONG, error.advice)
        return
    for name in settings.models:
        if price_of(table, name) or name == SCRIPTED_MODEL:
            yield HealthFinding(f"the price of {name} is known")
        else:
            yield HealthFinding(
                f"the price of {name} is not known",
                FaultCode.PRICE_UNKNOWN,
                f"Add [{name}] with its prices to {settings.prices or settings.data / 'prices.toml'}: docs/settings.md, “Prices”.",
            )


def ask_models(settings: Settings) -> Iterator[HealthFinding]:
    """Ask each model of the settings. It costs a fraction of a cent."""
    if not settings.real_model:
        return
    with ModelClient(
        settings.openai_base_url, settings.openai_api_key, verify=model_certificates()
    ) as client:
        for name in settings.models:
            yield from _ask(client, name)


def _ask(client: ModelClient, name: str) -> Iterator[HealthFinding]:
    features = LearntFeatures()
    model = RemoteModel(client, name, feature_store=features, retry_policy=PATIENCE)
    listener = Listener(on_text=lambda _: None, on_fault=lambda _: None, on_wait=lambda: None)
    question = message("user", QUESTION)
    question["content"] = [*question["content"], {"type": "input_image", "image_url": red_square()}]
    try:
        reply = model.reply([question], [TOOL], cache_key="dayhand-doctor", listener=listener)
    except ModelError as error:
        yield HealthFinding(f"{name}: {error}", FaultCode.MODEL_FAILS, error.advice)
        return
    api = "Chat Completions" if Feature.RESPONSES_API in features.names else "the Responses API"
    tokens = reply.usage.input_tokens + reply.usage.output_tokens
    yield HealthFinding(f"{name} answers by {api} ({tokens:,} tokens)")
    if reply.calls:
        yield HealthFinding(f"{name} calls tools")
    else:
        yield HealthFinding(
            f"{name} was asked to call a tool, and wrote text instead",
            FaultCode.NO_TOOL_CALLS,
            "Use a model that calls tools, or turn them on in its server (vLLM: --enable-auto-tool-choice, llama.cpp: --jinja).",
        )
    if Feature.IMAGES in features.names:
        yield HealthFinding(
            f"{name} does not take images",
            FaultCode.NO_IMAGES,
            "Nothing to do, unless your issues need their screenshots: then use a model that sees.",
        )
    else:
        yield HealthFinding(f"{name} takes images")


def red_square() -> str:
    """A PNG of one colour as a ``data:`` URL: https://www.w3.org/TR/png-3/."""
    rows = (b"\0" + b"\xff\0\0" * PIXELS) * PIXELS
    header = struct.pack(">IIBBBBB", PIXELS, PIXELS, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    png = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
