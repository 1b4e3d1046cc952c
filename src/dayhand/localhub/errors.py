"""The error that the local GitHub answers a request with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class ApiError(Exception):
    """The response has this HTTP ``status`` and GitHub's own message; ``errors`` is GitHub's list of details."""

    def __init__(
        self,
        status: int,
        message: str,
        errors: Sequence[dict[str, Any] | str] = (),
        *,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.errors = list(errors)
        self.headers = dict(headers or {})


def invalid(resource: str, field: str, code: str = "invalid") -> ApiError:
    """A 422 about one field of the request."""
    return ApiError(422, "Validation Failed", [{"resource": resource, "field": field, "code": code}])


def invalid_because(resource: str, message: str) -> ApiError:
    """A 422 with GitHub's own explanation."""
    return ApiError(422, "Validation Failed", [{"resource": resource, "code": "custom", "message": message}])
