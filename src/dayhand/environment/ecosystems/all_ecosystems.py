"""Every ecosystem that Dayhand supports. To add one: write its module and its test, and list it here."""

from __future__ import annotations

from dayhand.environment.ecosystems import dotnet, go, java, make, node, php, python, ruby, rust
from dayhand.environment.ecosystems.base import Ecosystem

ECOSYSTEMS: tuple[Ecosystem, ...] = (python, node, go, rust, ruby, java, php, dotnet, make)
