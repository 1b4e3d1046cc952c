"""The JSON of a delivery: read strictly, field by field."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from dayhand.errors import IntakeError
from dayhand.startup.records import dataclass

ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def read_payload(body: bytes) -> Any:
    try:
        text = body.decode(json.detect_encoding(body))  # strict: json.loads lets encoded surrogates pass
        payload = json.loads(text)
        if ESCAPED_SURROGATE.search(text):
            json.dumps(payload, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise IntakeError(
            "The delivery contains half of a surrogate pair, which is not valid Unicode.", status=400
        ) from error
    except RecursionError as error:
        raise IntakeError("The delivery's JSON is nested too deeply.", status=400) from error
    except ValueError as error:
        raise IntakeError(
            f"The delivery is not JSON: {error}.",
            status=400,
            advice="Set the content type of the webhook to application/json on the App's settings page.",
        ) from error
    return payload


@dataclass(frozen=True, slots=True)
class Fields:
    """A payload; a missing field or one of another type is an ``IntakeError`` that names it."""

    payload: Any
    event: str

    def get(self, *path: str) -> Any:
        value = self.payload
        for key in path:
            if not isinstance(value, Mapping) or key not in value:
                raise IntakeError(f"The {self.event} event has no {'.'.join(path)}.", status=400)
            value = value[key]
        return value

    def text(self, *path: str) -> str:
        """A string; GitHub sends null for an empty one."""
        value = self.get(*path)
        if not isinstance(value, str | None):
            raise IntakeError(f"In the {self.event} event, {'.'.join(path)} must be a string.", status=400)
        return value or ""

    def list(self, *path: str) -> list[Any]:
        value = self.get(*path)
        if not isinstance(value, list):
            raise IntakeError(f"In the {self.event} event, {'.'.join(path)} must be a list.", status=400)
        return value

    def number(self, *path: str) -> int:
        value = self.get(*path)
        if not isinstance(value, int) or isinstance(value, bool):
            raise IntakeError(f"In the {self.event} event, {'.'.join(path)} must be a number.", status=400)
        return value
