"""The settings: one table, read from the environment and a ``.env`` file; each value is checked when it is read.

A value whose text alone is wrong is refused by every command: one ``.env`` serves them all. What depends on the machine
(the App's key, the data folder, the price file) is checked by the commands that use it, so `dayhand demo` works
beside a key file that is missing. `make format` writes the table of ``docs/settings.md`` from this one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import field, fields, replace
from pathlib import Path

from dayhand.settings import value_types as types
from dayhand.settings.observation import ObservationSettings
from dayhand.settings.row import Setting, read_value, setting
from dayhand.settings.sources import (
    ENVIRONMENT,
    Text,
    default_data,
    read_texts,
    refuse_unknown,
    resolve_former,
)
from dayhand.startup.records import dataclass
from dayhand.usage import EFFORTS, VERBOSITIES

PUBLIC_API = "https://api.github.com"
DOTENV = Path(".env")
PREFIX = "DAYHAND_"


@dataclass(frozen=True, slots=True)
class Settings(ObservationSettings):
    """What the operator decided. Secrets are kept out of ``repr``."""

    data: Path = field(
        metadata={
            "row": Setting(
                "DAYHAND_DATA",
                types.PATH,
                "the data folder: mirrors, environments, the embedded server's file",
                "`~/.local/share/dayhand`; for root `/var/lib/dayhand`",
            )
        }
    )
    app_id: int = setting("GITHUB_APP_ID", types.APP_ID, 0, help="the App's number")
    private_key: str = setting(
        "GITHUB_APP_PRIVATE_KEY",
        types.KEY_TEXT,
        "",
        secret=True,
        help="the App's private key as text, with `\\n` for line ends; it wins over the file",
    )
    private_key_path: Path | None = setting(
        "GITHUB_APP_PRIVATE_KEY_PATH",
        types.PATH,
        None,
        help="the App's private key as a file, the `.pem` that GitHub gave you",
    )
    webhook_secrets: tuple[str, ...] = setting(
        "GITHUB_WEBHOOK_SECRET",
        types.WEBHOOK_SECRETS,
        (),
        secret=True,
        help="the secret that GitHub signs deliveries with; several while you rotate it",
    )
    api_url: str = setting(
        "GITHUB_API_URL",
        types.PLAIN_ADDRESS,
        PUBLIC_API,
        help="GitHub's REST API; for GitHub Enterprise Server `https://HOST/api/v3`",
    )
    openai_api_key: str = setting(
        "OPENAI_API_KEY",
        types.SECRET,
        "",
        secret=True,
        help="the model provider's key; only the worker has it, never a sandbox",
    )
    openai_base_url: str = setting(
        "OPENAI_BASE_URL",
        types.ADDRESS,
        "",
        shown="OpenAI's",
        help="any server that offers the Responses API or Chat Completions: [servers](agent.md#servers)",
    )
    models: tuple[str, ...] = setting(
        "DAYHAND_MODEL",
        types.MODELS,
        ("gpt-6.1-sol",),
        help="the model's name on that server; of several, "
        "[the next one takes over](agent.md#fallback-models) when one is not available",
    )
    effort: str = setting(
        "DAYHAND_EFFORT",
        types.one_of(*EFFORTS),
        "",
        shown="the model's own",
        help="how much the model thinks before it answers; `[work] effort` of a repository wins. "
        "[A server that refuses it](agent.md#server-features) is not sent it",
    )
    verbosity: str = setting(
        "DAYHAND_VERBOSITY",
        types.one_of(*VERBOSITIES),
        "",
        shown="the model's own",
        help="how much the model writes besides its calls",
    )
    window: int = setting(
        "DAYHAND_WINDOW",
        types.whole_number(),
        0,
        shown="from the price table, else unknown",
        help="how many tokens the model can read at once. [Before that is full](agent.md#context) the history is "
        "compacted; if it is unknown, when the server refuses it",
    )
    prices: Path | None = setting(
        "DAYHAND_PRICES",
        types.PATH,
        None,
        shown="`prices.toml` in the data folder, if it exists",
        help="[your price file](#prices), whose entries replace ours",
    )
    redis_url: str = setting(
        "REDIS_URL",
        types.REDIS_ADDRESS,
        "",
        shown="an embedded server",
        secret=True,
        help="needed when more than one machine takes part; Redis 6.2 or later, or Valkey, with its append-only file on",
    )
    sandbox: str = setting(
        "DAYHAND_SANDBOX",
        types.one_of("auto", "bubblewrap", "docker"),
        "auto",
        help="`auto` uses Docker if an engine answers that has the sandbox's image, else bubblewrap. Without a sandbox "
        "nothing runs; `dayhand doctor` shows which one is used",
    )
    docker_host: str = setting(
        "DOCKER_HOST",
        types.DOCKER_HOST,
        "",
        shown="the local socket",
        help="the Docker engine. TLS is not supported: forward a remote engine's socket by `ssh -L`",
    )
    sandbox_image: str = setting(
        "DAYHAND_SANDBOX_IMAGE",
        types.IMAGE,
        "dayhand-sandbox",
        help="the image of Docker sandboxes, built from `deploy/sandbox`",
    )
    sandbox_runtime: str = setting(
        "DAYHAND_SANDBOX_RUNTIME",
        types.RUNTIME,
        "",
        shown="the engine's own",
        help="a runtime that the engine knows: `runsc` for [gVisor](sandbox.md#gvisor)",
    )
    host: str = setting(
        "DAYHAND_HOST", types.HOST_NAME, "127.0.0.1", help="the address that `dayhand web` listens on"
    )
    port: int = setting("DAYHAND_PORT", types.PORT, 8080, help="the port that `dayhand web` listens on")
    url: str = setting(
        "DAYHAND_URL",
        types.PLAIN_ADDRESS,
        "http://127.0.0.1:8080",
        shown="`http://HOST:PORT` of the two above",
        help="where people reach the dashboard: links on GitHub begin with it",
    )
    dashboard_token: str = setting(
        "DAYHAND_DASHBOARD_TOKEN",
        types.TOKEN,
        "",
        secret=True,
        shown="made at the first start and kept in `dashboard-token` in the data folder",
        help="the secret that [opens the dashboard](http.md#who-may-see-tasks), for example from `openssl rand -hex 32`; "
        "set it if several machines serve the dashboard",
    )
    metrics_token: str = setting(
        "DAYHAND_METRICS_TOKEN",
        types.TOKEN,
        "",
        secret=True,
        shown="the dashboard's token",
        help="the bearer token for `/metrics`; it opens nothing else",
    )
    poll: int = setting(
        "DAYHAND_POLL",
        types.whole_number(0, 3600),
        0,
        shown="off",
        help="seconds between two looks at [GitHub's list of deliveries](http.md#missed-deliveries), for a machine that "
        "GitHub cannot reach",
    )
    label: str = setting("DAYHAND_LABEL", types.LABEL, "codex", help="the label that starts a task")
    handles: tuple[str, ...] = setting(
        "DAYHAND_HANDLES",
        types.HANDLES,
        ("bot",),
        help="the names that Dayhand answers to in comments, besides the App's own",
    )
    concurrency: int = setting(
        "DAYHAND_CONCURRENCY", types.whole_number(1, 1000), 4,
        help="how many tasks run at once on this machine",
    )  # fmt: skip
    max_running: int = setting(
        "DAYHAND_MAX_RUNNING_PER_INSTALLATION", types.whole_number(), 0, shown="no limit",
        help="how many tasks of one installation run at once, on all machines together",
    )  # fmt: skip
    stop_seconds: int = setting(
        "DAYHAND_STOP_SECONDS", types.whole_number(0, 3600), 30,
        help="how long a process that is [told to stop](http.md#restarts) may take to receive a reply and hand its task back",
    )  # fmt: skip
    min_free_mb: int = setting(
        "DAYHAND_MIN_FREE_MB", types.whole_number(), 256,
        help="with less free disk or memory than this, a worker takes no task; with a quarter of that disk, tasks wait",
    )  # fmt: skip
    kept_bytes: int = setting(
        "DAYHAND_KEPT_BYTES",
        types.whole_number(),
        1_000_000_000,
        help="how much finished tasks may take in Redis: the oldest are deleted first, all after 90 days; `0`: no limit",
    )
    forget_days: int = setting(
        "DAYHAND_FORGET_DAYS", types.whole_number(1, 3650), 30,
        help="what is kept of a repository is [deleted](durability.md#a-removed-app) so many days after the App was removed from it",
    )  # fmt: skip
    registries: tuple[str, ...] = setting(
        "DAYHAND_REGISTRIES",
        types.REGISTRIES,
        (),
        help="[registries of your own](environment.md#registries-of-your-own) that set-up may use",
    )
    toolchains: tuple[str, ...] = setting(
        "DAYHAND_TOOLCHAINS",
        types.TOOLCHAINS,
        (),
        help="folders of version managers whose [languages](environment.md#toolchains) boxes may use, read-only",
    )
    cache_bytes: int = setting(
        "DAYHAND_CACHE_BYTES",
        types.whole_number(),
        20_000_000_000,
        help="how much disk all kept environments may use together; `0`: no limit. "
        "[What is kept](environment.md#what-is-kept)",
    )
    max_lines: int = setting(
        "DAYHAND_MAX_LINES",
        types.whole_number(),
        800,
        former_name="DAYHAND_MOST_LINES",
        help="a change of more lines stays a draft until a person accepts it; `0`: no limit. A repository's `[limits]` win",
    )
    max_files: int = setting(
        "DAYHAND_MAX_FILES", types.whole_number(), 40, former_name="DAYHAND_MOST_FILES",
        help="the same for the number of changed files",
    )  # fmt: skip
    max_dollars: float = setting(
        "DAYHAND_MAX_DOLLARS",
        types.AMOUNT,
        5.0,
        former_name="DAYHAND_MOST_DOLLARS",
        help="what the model's work on one task [may cost](agent.md#limits); `0`: no limit. A repository may lower it",
    )
    daily_dollars: tuple[str, ...] = setting(
        "DAYHAND_MAX_DAILY_DOLLARS", types.DAILY_CAPS, (), shown="no limits",
        help="what finished tasks may cost in a day (UTC), by person, repository and installation; unknown prices do not count",
    )  # fmt: skip
    daily_usage: tuple[str, ...] = setting(
        "DAYHAND_MAX_DAILY_USAGE", types.DAILY_USAGE, (), shown="no limits",
        help="how many tasks may be opened in a day, and how many minutes and tokens of the model they may use, also where prices are unknown",
    )  # fmt: skip
    max_minutes: float = setting(
        "DAYHAND_MAX_MINUTES",
        types.AMOUNT,
        60.0,
        former_name="DAYHAND_MOST_MINUTES",
        help="how long that work may take; `0`: no limit. A repository may lower it",
    )
    max_tokens: int = setting(
        "DAYHAND_MAX_TOKENS", types.whole_number(), 10_000_000, former_name="DAYHAND_MOST_TOKENS",
        help="how many tokens it may use, in and out; `0`: no limit",
    )  # fmt: skip
    max_turns: int = setting(
        "DAYHAND_MAX_TURNS", types.whole_number(1), 250, former_name="DAYHAND_MOST_TURNS",
        help="how many replies of the model it may take",
    )  # fmt: skip
    progress_seconds: float = setting(
        "DAYHAND_PROGRESS_SECONDS",
        types.whole_number(),
        30,
        help="at most one check-run update in this time, because GitHub limits writes",
    )

    def __repr__(self) -> str:
        return (
            f"Settings(data={self.data}, api_url={self.api_url}, app_id={self.app_id}, models={self.models})"
        )

    @property
    def bind_address(self) -> str:
        """``host:port``, with the brackets that an IPv6 address needs."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def real_model(self) -> bool:
        """Whether a model is set that is not the scripted one."""
        return bool(self.openai_api_key or self.openai_base_url)


LAST = [
    each.name for each in fields(ObservationSettings)
]  # a dataclass begins with the fields that it inherits
ROWS: Mapping[str, Setting] = {  # by field
    each.name: each.metadata["row"] for each in sorted(fields(Settings), key=lambda each: each.name in LAST)
}
KNOWN = tuple(sorted(row.name for row in ROWS.values() if row.name.startswith(PREFIX)))
FORMER = {row.former_name: row.name for row in ROWS.values() if row.former_name}


def read_settings(
    environ: Mapping[str, str] = os.environ,
    dotenv: Path | None = DOTENV,
    *,
    notify: Callable[[str], None] = lambda _notice: None,
) -> Settings:
    """Read the settings; the environment wins over the ``.env`` file. ``notify`` is given a notice for the operator.

    Raises ``SettingsError`` naming the setting, what is wrong with it, and what to do.
    """
    texts = read_texts(environ, dotenv)
    moved = resolve_former(texts, FORMER)
    refuse_unknown(texts, known=KNOWN, prefix=PREFIX)
    if moved:
        names = ", ".join(f"{old} is now {FORMER[old]}" for old in moved)
        places = " and ".join(sorted({text.source for text in moved.values()}))
        notify(f"{names}. Former names still work; rename them in {places}.")
    values = {
        name: read_value(row, texts[row.name]) for name, row in ROWS.items() if _is_set(texts, row.name)
    }
    if "data" not in values:
        values["data"] = read_value(ROWS["data"], Text(default_data(environ), ENVIRONMENT))
    settings = Settings(**values)
    return settings if "url" in values else replace(settings, url=f"http://{settings.bind_address}")


def _is_set(texts: Mapping[str, Text], name: str) -> bool:
    return name in texts and bool(texts[name].value)
