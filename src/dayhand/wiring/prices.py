"""The prices of the settings."""

from __future__ import annotations

from dayhand.agent.model import prices
from dayhand.settings.table import Settings


def read_prices(settings: Settings) -> prices.Prices:
    """What tokens cost: the operator's table over ours. Raises ``SettingsError`` if the file is not a price table."""
    usual = settings.data / "prices.toml"
    return prices.load(settings.prices or (usual if usual.exists() else None))
