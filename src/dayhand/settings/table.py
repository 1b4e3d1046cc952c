"""Every knob, read once from the environment or a ``.env`` file; an unknown ``DAYHAND_*`` name is refused."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dayhand.errors import SettingsError

KNOWN = (
    "DAYHAND_CACHE_BYTES",
    "DAYHAND_CONCURRENCY",
    "DAYHAND_DATA",
    "DAYHAND_HANDLES",
    "DAYHAND_HOST",
    "DAYHAND_LABEL",
    "DAYHAND_MODEL",
    "DAYHAND_MAX_DOLLARS",
    "DAYHAND_MAX_FILES",
    "DAYHAND_MAX_LINES",
    "DAYHAND_MAX_MINUTES",
    "DAYHAND_MAX_TOKENS",
    "DAYHAND_MAX_TURNS",
    "DAYHAND_PORT",
    "DAYHAND_PRICES",
    "DAYHAND_PROGRESS_SECONDS",
    "DAYHAND_REGISTRIES",
    "DAYHAND_SANDBOX",
    "DAYHAND_SANDBOX_IMAGE",
    "DAYHAND_SANDBOX_RUNTIME",
    "DAYHAND_URL",
    "DAYHAND_WINDOW",
)
SANDBOXES = ("auto", "bubblewrap", "docker")
HOST = r"[a-z0-9][a-z0-9.-]*"
REGISTRY = re.compile(rf"(\*\.)?{HOST}|(python|npm)=https://{HOST}(:443)?(/[^\s@]*)?")
PUBLIC_API = "https://api.github.com"
DEFAULT_MODEL = "gpt-6.1-sol"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator decided. Secrets are kept out of ``repr``."""

    data: Path
    api_url: str = PUBLIC_API
    app_id: int = 0
    private_key: str = ""
    webhook_secrets: tuple[str, ...] = ()  # several while one is being rotated
    openai_api_key: str = ""
    openai_base_url: str = ""
    model: str = DEFAULT_MODEL
    fallback_models: tuple[str, ...] = ()  # in this order, where the one before cannot be had
    prices: Path | None = (
        None  # the operator's price file; None: prices.toml in the data folder, where there is one
    )
    window: int = 0  # tokens that the model can read at once; 0: what the price table says
    redis_url: str = ""  # "": the embedded server
    sandbox: str = "auto"
    sandbox_image: str = "dayhand-sandbox"  # of Docker's boxes
    sandbox_runtime: str = (
        ""  # of Docker's boxes: one that the engine knows, such as runsc; "": the engine's own
    )
    url: str = "http://127.0.0.1:8080"  # where people reach the dashboard
    host: str = "127.0.0.1"
    port: int = 8080
    label: str = "codex"
    handles: tuple[str, ...] = ("bot",)  # the App's own slug is always one more
    concurrency: int = 4
    registries: tuple[str, ...] = ()  # of the operator's own, for set-up: hosts, or python=URL, npm=URL
    cache_bytes: int = 20_000_000_000  # of all kept environments together; 0: no limit
    max_lines: int = 800  # of a change, before it waits for a person; 0: no limit
    max_files: int = 40
    max_dollars: float = 5.0  # of the model's work on one task; 0: no limit
    max_minutes: float = 60.0
    max_tokens: int = 10_000_000  # in and out: what is left where no price is known
    max_turns: int = 60
    progress_seconds: float = 30.0  # at most one check-run update in this time: GitHub's write budget

    def __repr__(self) -> str:
        return f"Settings(data={self.data}, api_url={self.api_url}, app_id={self.app_id}, model={self.model})"

    @property
    def real_model(self) -> bool:
        return bool(self.openai_api_key or self.openai_base_url)


def read_settings(environ: Mapping[str, str] = os.environ, dotenv: Path | None = Path(".env")) -> Settings:
    """Read the settings; the environment wins over the ``.env`` file.

    Raises ``SettingsError`` naming the setting, what is wrong with it and the nearest known name.
    """
    values = {**(_read_dotenv(dotenv) if dotenv else {}), **environ}
    for name in values:
        if name.startswith("DAYHAND_") and name not in KNOWN:
            near = difflib.get_close_matches(name, KNOWN, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(KNOWN)}."
            raise SettingsError(f"{name} is not a setting of Dayhand.", advice=hint)
    port = _number(values, "DAYHAND_PORT", 8080)
    models = tuple(dict.fromkeys(_words(values, "DAYHAND_MODEL"))) or (DEFAULT_MODEL,)
    host = values.get("DAYHAND_HOST") or "127.0.0.1"
    return Settings(
        data=Path(values.get("DAYHAND_DATA") or default_data(values)).expanduser().resolve(),
        api_url=(values.get("GITHUB_API_URL") or PUBLIC_API).rstrip("/"),
        app_id=_number(values, "GITHUB_APP_ID", 0),
        private_key=_private_key(values),
        webhook_secrets=_words(values, "GITHUB_WEBHOOK_SECRET"),
        openai_api_key=values.get("OPENAI_API_KEY", ""),
        openai_base_url=values.get("OPENAI_BASE_URL", ""),
        model=models[0],
        fallback_models=models[1:],
        prices=Path(text).expanduser().resolve() if (text := values.get("DAYHAND_PRICES")) else None,
        window=_number(values, "DAYHAND_WINDOW", 0),
        redis_url=values.get("REDIS_URL", ""),
        sandbox=_one_of(values, "DAYHAND_SANDBOX", SANDBOXES),
        sandbox_image=values.get("DAYHAND_SANDBOX_IMAGE") or "dayhand-sandbox",
        sandbox_runtime=values.get("DAYHAND_SANDBOX_RUNTIME", ""),
        url=(values.get("DAYHAND_URL") or f"http://{host}:{port}").rstrip("/"),
        host=host,
        port=port,
        label=values.get("DAYHAND_LABEL") or "codex",
        handles=_words(values, "DAYHAND_HANDLES") or ("bot",),
        concurrency=max(1, _number(values, "DAYHAND_CONCURRENCY", 4)),
        cache_bytes=_number(values, "DAYHAND_CACHE_BYTES", 20_000_000_000),
        registries=_registries(values),
        max_lines=_number(values, "DAYHAND_MAX_LINES", 800),
        max_files=_number(values, "DAYHAND_MAX_FILES", 40),
        max_dollars=_amount(values, "DAYHAND_MAX_DOLLARS", 5.0),
        max_minutes=_amount(values, "DAYHAND_MAX_MINUTES", 60.0),
        max_tokens=_number(values, "DAYHAND_MAX_TOKENS", 10_000_000),
        max_turns=_turns(values),
        progress_seconds=float(_number(values, "DAYHAND_PROGRESS_SECONDS", 30)),
    )


def default_data(environ: Mapping[str, str]) -> str:
    """Where data goes by default. Root's home is closed to the sandbox's own users, so root uses /var/lib."""
    if os.geteuid() == 0:
        return "/var/lib/dayhand"
    return (environ.get("XDG_DATA_HOME") or "~/.local/share") + "/dayhand"  # empty is unset, by its standard


def require_app(settings: Settings) -> None:
    """Raise ``SettingsError`` unless GitHub can be spoken to as an App."""
    missing = [
        name
        for name, value in (
            ("GITHUB_APP_ID", settings.app_id),
            ("GITHUB_APP_PRIVATE_KEY or GITHUB_APP_PRIVATE_KEY_PATH", settings.private_key),
            ("GITHUB_WEBHOOK_SECRET", settings.webhook_secrets),
        )
        if not value
    ]
    if missing:
        raise SettingsError(
            f"Not set: {', '.join(missing)}.",
            advice="Create the App from app.yml (README, “Your own App”) and put its values into .env.",
        )


def _read_dotenv(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    values = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        name, equals, value = text.removeprefix("export ").partition("=")
        if not equals:
            raise SettingsError(f"{path}, line {number}: “{text[:40]}” is not NAME=value.")
        values[name.strip()] = value.strip().strip("\"'").replace("\\n", "\n")
    return values


def _private_key(values: Mapping[str, str]) -> str:
    if key := values.get("GITHUB_APP_PRIVATE_KEY", ""):
        return key.replace("\\n", "\n")
    if not (path := values.get("GITHUB_APP_PRIVATE_KEY_PATH", "")):
        return ""
    try:
        return Path(path).expanduser().read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError(
            f"GITHUB_APP_PRIVATE_KEY_PATH: {path} cannot be read ({error.strerror}).",
            advice="Point it at the .pem file that GitHub gave you when the App was created.",
        ) from error


def _words(values: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in values.get(name, "").split(",") if word.strip())


def _registries(values: Mapping[str, str]) -> tuple[str, ...]:
    words = _words(values, "DAYHAND_REGISTRIES")
    for word in words:
        if not REGISTRY.fullmatch(word):
            shown = re.sub(r"//[^/]*@", "//…@", word)
            raise SettingsError(
                f"DAYHAND_REGISTRIES: “{shown}” is no registry that set-up can be given.",
                advice="Name a host (files.example.org, *.example.org), or python=URL or npm=URL with https on port 443 "
                "and without a password: none enters a box.",
            )
    return words


def _number(values: Mapping[str, str], name: str, default: int) -> int:
    text = values.get(name, "").strip()
    if not text:
        return default
    if not text.isascii() or not text.isdigit():
        raise SettingsError(f"{name} must be a whole number, not “{text}”.")
    return int(text)


def _turns(values: Mapping[str, str]) -> int:
    turns = _number(values, "DAYHAND_MAX_TURNS", 60)
    if not turns:
        raise SettingsError(
            "DAYHAND_MAX_TURNS must be at least 1: a model that never ends has to be stopped."
        )
    return turns


def _amount(values: Mapping[str, str], name: str, default: float) -> float:
    text = values.get(name, "").strip()
    if not text:
        return default
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text):
        raise SettingsError(f"{name} must be a number such as 5 or 1.50, not “{text}”.")
    return float(text)


def _one_of(values: Mapping[str, str], name: str, known: tuple[str, ...]) -> str:
    text = values.get(name) or known[0]
    if text not in known:
        raise SettingsError(f"{name} must be one of {', '.join(known)}, not “{text}”.")
    return text
