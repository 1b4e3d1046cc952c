"""Every fault that the doctor knows, by a code that stays the same: `docs/troubleshooting.md` has a section for each."""

from __future__ import annotations

from enum import Enum, StrEnum


class Health(StrEnum):
    """How severe a finding is."""

    GOOD = "good"
    WEAK = "weak"  # it works, but worse than it could
    BAD = "bad"


class FaultCode(Enum):
    """Code, severity and cause. A code is never used again for something else."""

    def __init__(self, code: str, health: Health, cause: str) -> None:
        self.code = code
        self.health = health
        self.cause = cause

    WRONG_SETTING = "DH-SET-01", Health.BAD, "A value cannot be read, so nothing else could be checked."

    DATA_FOLDER = "DH-SYS-01", Health.BAD, "Mirrors, environments and the embedded Redis are kept there."
    DISK_LOW = "DH-SYS-02", Health.BAD, "A worker takes no task below DAYHAND_MIN_FREE_MB."
    DISK_SMALL = "DH-SYS-03", Health.WEAK, "One environment with its toolchain can take several gigabytes."
    MEMORY_LOW = "DH-SYS-04", Health.BAD, "A worker takes no task below DAYHAND_MIN_FREE_MB."
    OPEN_TO_ALL = (
        "DH-SYS-05",
        Health.BAD,
        "Whoever can do that can act as the App, or change what Dayhand does.",
    )
    OPEN_TO_GROUP = (
        "DH-SYS-06",
        Health.WEAK,
        "Whoever can do that can act as the App, or change what Dayhand does.",
    )
    OTHER_OWNER = "DH-SYS-07", Health.BAD, "The owner of a file can always change its mode and its content."
    REPLACEABLE = (
        "DH-SYS-08",
        Health.BAD,
        "A file can be replaced by everybody who can write to a folder above it.",
    )
    DASHBOARD_TOKEN = "DH-SYS-09", Health.BAD, "Without a token the dashboard opens for nobody."
    PORT_TAKEN = "DH-SYS-10", Health.BAD, "Only one program can listen on a port."
    PORT_REFUSED = "DH-SYS-11", Health.BAD, "The system does not let this user listen on that address."
    URL_SILENT = (
        "DH-SYS-12",
        Health.WEAK,
        "Nothing answers there as long as Dayhand does not run; when it does, a proxy or DNS is in the way.",
    )
    URL_FOREIGN = "DH-SYS-13", Health.BAD, "GitHub's deliveries and people's links go to another program."
    URL_LOCAL = (
        "DH-SYS-14",
        Health.WEAK,
        "GitHub delivers to addresses that it can reach: on github.com, to public ones.",
    )

    APP_NOT_SET = "DH-GH-01", Health.BAD, "Dayhand acts as a GitHub App, which is not set up here."
    APP_KEY_UNREADABLE = (
        "DH-GH-02",
        Health.BAD,
        "GitHub knows the App by signatures that its private key makes.",
    )
    GITHUB_SILENT = (
        "DH-GH-03",
        Health.BAD,
        "DNS, a firewall, a proxy or a certificate is in the way, or GitHub is down.",
    )
    APP_KEY_REFUSED = (
        "DH-GH-04",
        Health.BAD,
        "The id and the key belong to different Apps, or the key was deleted on GitHub.",
    )
    PERMISSION_MISSING = "DH-GH-05", Health.BAD, "The App was registered without it."
    EVENT_MISSING = (
        "DH-GH-06",
        Health.BAD,
        "The App was registered without it, so GitHub sends no such deliveries.",
    )
    NOT_INSTALLED = (
        "DH-GH-07",
        Health.WEAK,
        "GitHub sends events of repositories only where the App is installed.",
    )
    NOT_ACCEPTED = (
        "DH-GH-08",
        Health.BAD,
        "Permissions that are added later apply once each account's owner accepts them.",
    )
    SUSPENDED = "DH-GH-09", Health.WEAK, "The account's owner or GitHub suspended the App there."
    WEBHOOK_ELSEWHERE = "DH-GH-10", Health.BAD, "Deliveries go to the address that GitHub has."
    WEBHOOK_FORM = "DH-GH-11", Health.BAD, "Dayhand reads JSON."
    WEBHOOK_NO_SECRET = (
        "DH-GH-12",
        Health.BAD,
        "Deliveries without a signature are refused, as anybody could send them.",
    )
    WEBHOOK_UNVERIFIED = "DH-GH-13", Health.WEAK, "Somebody between GitHub and here can read deliveries."
    SECRET_DIFFERS = (
        "DH-GH-14",
        Health.BAD,
        "GitHub signs with a secret that GITHUB_WEBHOOK_SECRET does not have.",
    )
    DELIVERIES_FAIL = (
        "DH-GH-15",
        Health.BAD,
        "GitHub does not reach the webhook, or it is not Dayhand that answers.",
    )
    DELIVERIES_FAILED = "DH-GH-16", Health.WEAK, "Dayhand was away or overloaded at that time."
    CLOCK_SKEW = (
        "DH-GH-17",
        Health.BAD,
        "GitHub refuses signatures from the future, and those that are over ten minutes old.",
    )
    REFUSED_READING = (
        "DH-GH-18",
        Health.WEAK,
        "This GitHub does not offer what the check reads, or refuses it.",
    )

    REDIS_SILENT = (
        "DH-RED-01",
        Health.BAD,
        "The queue, the ledger and the logs are in Redis: nothing works without it.",
    )
    REDIS_OLD = "DH-RED-02", Health.BAD, "Queues need BLMOVE, which Redis has since 6.2."
    REDIS_VOLATILE = "DH-RED-03", Health.WEAK, "Without an append-only file a crash of Redis loses tasks."
    REDIS_EVICTS = (
        "DH-RED-04",
        Health.BAD,
        "When it is full, such a Redis drops keys: tasks and deliveries would vanish.",
    )
    REDIS_FULL = (
        "DH-RED-05",
        Health.WEAK,
        "When it is full, Redis refuses writes, and deliveries are answered with 503.",
    )
    REDIS_READ_ONLY = "DH-RED-06", Health.BAD, "A replica takes no writes."
    REDIS_CANNOT_SAVE = (
        "DH-RED-07",
        Health.BAD,
        "The disk of Redis is full or broken; what it has now would be lost in a crash.",
    )
    NO_EMBEDDED = (
        "DH-RED-08",
        Health.BAD,
        "The package that brings the embedded server has none for this machine.",
    )
    REDIS_LOGIN = "DH-RED-09", Health.BAD, "Redis answers, but only to those who log in."

    MODEL_NOT_SET = (
        "DH-MOD-01",
        Health.BAD,
        "Tasks need a model, which belongs to you: Dayhand has none of its own.",
    )
    MODEL_SILENT = "DH-MOD-02", Health.BAD, "The server is not running, or this machine cannot reach it."
    MODEL_KEY_REFUSED = (
        "DH-MOD-03",
        Health.BAD,
        "The key is incomplete, was revoked, or belongs to another server.",
    )
    MODELS_NOT_LISTED = "DH-MOD-04", Health.WEAK, "Not every server has a list of models in OpenAI's form."
    MODEL_NOT_LISTED = (
        "DH-MOD-05",
        Health.WEAK,
        "The name is misspelt, the model is not loaded, or the name is an alias.",
    )
    PRICES_WRONG = "DH-MOD-06", Health.BAD, "A price file that cannot be read could hide what tasks cost."
    PRICE_UNKNOWN = (
        "DH-MOD-07",
        Health.WEAK,
        "Without a price DAYHAND_MAX_DOLLARS cannot stop a task, and costs are shown as unknown.",
    )
    MODEL_FAILS = "DH-MOD-08", Health.BAD, "Each task would fail at its first turn in the same way."
    NO_TOOL_CALLS = (
        "DH-MOD-09",
        Health.BAD,
        "The model works by calling tools: one that writes them as text changes nothing.",
    )
    NO_IMAGES = "DH-MOD-10", Health.WEAK, "Screenshots in issues are not shown to this model."

    NO_SANDBOX = "DH-BOX-01", Health.BAD, "Nothing of a repository runs outside a sandbox."
    BOX_ESCAPED = "DH-BOX-02", Health.BAD, "Code in a box could reach this machine's files or programs."
    BOX_ONLINE = (
        "DH-BOX-03",
        Health.BAD,
        "Code in a box could reach the network, and send away what it reads.",
    )
    NO_MEMORY_LIMIT = (
        "DH-BOX-04",
        Health.WEAK,
        "Without a control group only each process is limited, not their sum.",
    )
    NO_OVERLAY = (
        "DH-BOX-05",
        Health.WEAK,
        "Each box starts with a copy of the environment, which takes time and disk.",
    )
    ENGINE_UNUSED = "DH-BOX-06", Health.WEAK, "An engine is used only if it has the sandbox's image."
    ENGINE_NO_LIMIT = (
        "DH-BOX-07",
        Health.WEAK,
        "The kernel of the engine's machine does not offer the control group.",
    )
    ENGINE_ROOT = "DH-BOX-08", Health.WEAK, "What escapes a container would be root on the engine's machine."
    RUNC_OLD = (
        "DH-BOX-09",
        Health.WEAK,
        "CVE-2025-31133, CVE-2025-52565 and CVE-2025-52881 let code leave a container.",
    )
    NO_TOOLCHAIN = (
        "DH-BOX-10",
        Health.WEAK,
        "Repositories in these languages get less than they could, or have to download.",
    )
