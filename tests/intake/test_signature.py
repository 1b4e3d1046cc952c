"""Whether a delivery was signed with the App's secret."""

from __future__ import annotations

import pytest

from dayhand.errors import IntakeError
from dayhand.intake.signature import sign, verify

# https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries#testing-the-webhook-payload-validation
SECRET, BODY = "It's a Secret to Everybody", b"Hello, World!"
SIGNATURE = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"


def test_githubs_own_example_verifies() -> None:
    assert sign(BODY, SECRET) == SIGNATURE
    verify(BODY, SIGNATURE, [SECRET])


def test_either_of_two_secrets_is_taken_while_one_is_rotated() -> None:
    verify(BODY, SIGNATURE, ["the new one", SECRET])


@pytest.mark.parametrize(
    "header",
    [None, "", "sha256=", SIGNATURE[:-1], SIGNATURE.upper(), SIGNATURE.replace("sha256", "sha1"), "sha256=é"],
)
def test_anything_else_is_refused_with_401(header: str | None) -> None:
    with pytest.raises(IntakeError) as refused:
        verify(BODY, header, [SECRET])
    assert refused.value.status == 401
    assert "GITHUB_WEBHOOK_SECRET" in refused.value.advice


def test_one_changed_byte_is_refused() -> None:
    with pytest.raises(IntakeError, match="does not match"):
        verify(BODY + b" ", SIGNATURE, [SECRET])


def test_without_a_secret_nothing_is_accepted() -> None:
    with pytest.raises(IntakeError):
        verify(BODY, SIGNATURE, [])
