"""The key of the App."""

from __future__ import annotations

import pytest

from tests.app_key import app_key_pem


@pytest.fixture(scope="session")
def private_key() -> str:
    return app_key_pem()
