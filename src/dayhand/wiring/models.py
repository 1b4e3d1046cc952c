"""The models of the settings, and the certificates of their server."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import httpx2

from dayhand.agent.model.client import ModelClient
from dayhand.agent.model.fallback import FallbackModels
from dayhand.agent.model.feature_store import RedisFeatureStore
from dayhand.agent.model.remote import RemoteModel, Style
from dayhand.agent.model.retry import RetryPolicy
from dayhand.ledger.facts import Facts
from dayhand.ledger.keys import TextRedis
from dayhand.scripted_model.name import SCRIPTED_MODEL
from dayhand.settings.table import Settings
from dayhand.wiring.prices import read_prices


@cache
def model_certificates() -> ssl.SSLContext:
    """The certificates that a model's server is checked against, read once by the parent of the workers."""
    return httpx2.create_ssl_context()


@contextmanager
def open_model(
    settings: Settings, redis: TextRedis, task_facts: Facts, *, retry_policy: RetryPolicy | None = None
) -> Iterator[FallbackModels]:
    """The models of the settings in their order; the demo's scripted model is recognised by its name."""
    table = read_prices(settings)
    policy = retry_policy or RetryPolicy()
    names = settings.models
    with ModelClient(
        settings.openai_base_url, settings.openai_api_key, verify=model_certificates()
    ) as client:
        models = [
            RemoteModel(
                client,
                name,
                scripted=name == SCRIPTED_MODEL,
                prices=table,
                style=Style(settings.effort, settings.verbosity),
                window=settings.window,
                retry_policy=policy if name == names[-1] else policy.with_fallback_left(),
                feature_store=RedisFeatureStore(redis, client.base_url, name),
            )
            for name in names
        ]
        yield FallbackModels(models, task_facts)
