"""Prometheus's own checker of metrics and rules, where it is installed."""

from __future__ import annotations

import os
import shutil

import pytest


def promtool() -> str:
    """Its path. Skips the test where there is none."""
    found = shutil.which(os.environ.get("PROMTOOL", "promtool"))
    if not found:
        pytest.skip("promtool is not installed (Debian: the package prometheus), and PROMTOOL names none")
    return found
