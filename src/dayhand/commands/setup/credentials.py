"""Where the App's credentials are stored: ``.env`` and a key file beside it, for this user alone."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

from dotenv.parser import parse_stream

from dayhand.commands.setup.plan import AppPlan
from dayhand.commands.setup.private_file import check_writable, write_private
from dayhand.errors import SettingsError
from dayhand.hub.registration import AppCredentials
from dayhand.settings.sources import read_dotenv
from dayhand.startup.records import dataclass

APP_ID, KEY, KEY_PATH = "GITHUB_APP_ID", "GITHUB_APP_PRIVATE_KEY", "GITHUB_APP_PRIVATE_KEY_PATH"
SECRET = "GITHUB_WEBHOOK_SECRET"  # noqa: S105 - a setting's name
APP_NAMES = (APP_ID, KEY, KEY_PATH, SECRET)
COMMENT = "# The GitHub App, written by `dayhand setup`\n"


@dataclass(frozen=True, slots=True)
class CredentialFiles:
    """The ``.env`` of a folder, the key beside it, and the environment that wins over both."""

    dotenv: Path
    environ: Mapping[str, str]

    def has_app(self) -> bool:
        """Whether an App is set. Raises ``SettingsError`` for a part of one."""
        texts = {name: text.value for name, text in read_dotenv(self.dotenv).items()}
        texts |= {name: self.environ[name] for name in APP_NAMES if name in self.environ}
        found = [name for name in APP_NAMES if texts.get(name)]
        missing = [name for name in (APP_ID, SECRET) if name not in found]
        if KEY not in found and KEY_PATH not in found:
            missing.append(KEY_PATH)
        if found and missing:
            raise SettingsError(
                f"{self.dotenv} or the environment has a part of an App: {', '.join(found)}, but not "
                f"{', '.join(missing)}.",
                advice=f"Add {', '.join(missing)}, or remove {', '.join(found)} to register a new App.",
            )
        return bool(found)

    def check(self, plan: AppPlan) -> None:
        """Raise ``SettingsError`` unless the credentials can be stored, and nothing would hide them.

        GitHub gives them once, so this comes before they are asked for.
        """
        try:
            check_writable(self.dotenv)
        except OSError as error:
            raise SettingsError(
                f"The App's credentials cannot be stored in {self.dotenv.resolve()} ({error.strerror}).",
                advice="Run `dayhand setup` where this user can write, and where the disk has room.",
            ) from error
        hiding = [name for name in APP_NAMES if name in self.environ]  # even one that is set to nothing
        hiding += [
            name for name, value in plan.settings().items() if self.environ.get(name, value).strip() != value
        ]
        if hiding:
            raise SettingsError(
                f"Environment variables would hide what is stored in {self.dotenv}: {', '.join(hiding)}.",
                advice=f"Run `unset {' '.join(hiding)}`, then `dayhand setup` again.",
            )
        read_dotenv(self.dotenv)

    def write(self, plan: AppPlan, credentials: AppCredentials) -> Path:
        """Store them, the key first; gives the key's path. Lines of others stay in ``.env``. Raises ``SettingsError``."""
        key = self.dotenv.with_name(f"dayhand-{credentials.id}.private-key.pem")
        lines = {
            **plan.settings(),
            APP_ID: str(credentials.id),
            KEY_PATH: key.name,
            SECRET: credentials.webhook_secret,
        }
        try:
            write_private(key, credentials.private_key)
            write_private(self.dotenv, self._merged(lines))
        except OSError as error:
            raise SettingsError(
                f"The App's credentials could not be stored in {self.dotenv.resolve()} ({error.strerror}).",
                advice="They are kept beside it: correct that, then run `dayhand setup` again, which stores them.",
            ) from error
        return key

    def _merged(self, lines: Mapping[str, str]) -> str:
        """The file's text with these settings instead of former values of theirs."""
        text = self.dotenv.read_bytes().decode("utf-8-sig") if self.dotenv.exists() else ""
        replaced = {*APP_NAMES, *lines}
        bindings = list(parse_stream(io.StringIO(text, newline="")))
        kept = "".join(each.original.string for each in bindings if each.key not in replaced)
        kept = kept.replace(COMMENT, "")
        if kept and not kept.endswith("\n"):
            kept += "\n"
        return kept + COMMENT + "".join(f"{name}={_quoted(value)}\n" for name, value in lines.items())


def _quoted(value: str) -> str:
    """A value as ``.env`` takes it literally."""
    if value.isalnum() or not set(value) & set(" #'\"\\$`\n"):
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
