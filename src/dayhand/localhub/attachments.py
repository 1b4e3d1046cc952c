"""Images that people attach to texts: stored under an address that answers only with a signature.

As for a private repository on GitHub: the text has the plain address, and the text's HTML in the API a signed one.
"""

from __future__ import annotations

import re
import secrets
import uuid

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

PATH = "/user-attachments/assets/"


class Attachments:
    """The attachments of all repositories."""

    def __init__(self, web: str) -> None:
        self.web = web
        self.files: dict[str, tuple[bytes, str]] = {}
        self._signature = secrets.token_hex(16)

    def add(self, content: bytes, media_type: str = "image/png") -> str:
        """Store an attachment; returns the address that people write into a text."""
        name = str(uuid.uuid4())
        self.files[name] = (content, media_type)
        return f"{self.web}{PATH}{name}"

    def signed(self, html: str) -> str:
        """The HTML of a text with signed addresses."""
        known = re.escape(f"{self.web}{PATH}") + r"[0-9a-f-]{36}"
        return re.sub(known, lambda found: f"{found[0]}?jwt={self._signature}", html)

    def routes(self) -> Blueprint:
        """The route ``/user-attachments/assets/ID``, which takes no token."""
        blueprint = Blueprint("attachments", __name__)

        @blueprint.get(f"{PATH}<name>")
        def attachment(name: str) -> ResponseReturnValue:
            if "Authorization" in request.headers:
                return Response("Only one auth mechanism allowed.\n", 400, mimetype="text/plain")
            if name not in self.files or request.args.get("jwt") != self._signature:
                return Response("Not Found\n", 404, mimetype="text/plain")
            content, media_type = self.files[name]
            return Response(content, content_type=media_type)

        return blueprint
