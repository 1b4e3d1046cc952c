"""What test runners, package clients and operating systems say when something is missing: one pattern a row.

A pattern is matched on single lines. Its groups name what is missing: ``name``, or ``host`` and ``port`` of a server.
The output comes from untrusted code, so every pattern is linear: no two unbounded repetitions that can match the same text.
"""

from __future__ import annotations

import re

from dayhand.startup.records import dataclass
from dayhand.startup.regex import regex
from dayhand.verify.cannot_run.base import Kind


@dataclass(frozen=True, slots=True)
class Recogniser:
    """One wording."""

    kind: Kind
    pattern: re.Pattern[str]
    tool: str = ""  # whose package is missing
    port: str = ""  # of the server, where the wording names none
    context: re.Pattern[str] | None = None  # must be somewhere in the same text


def _row(kind: Kind, pattern: str, *, tool: str = "", port: str = "", context: str = "") -> Recogniser:
    return Recogniser(kind, regex(pattern), tool, port, regex(context) if context else None)


VARIABLE_NAME = r"(?P<name>[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)"
QUOTE = r"""["'`‘’“”]"""
MODULE = r"(?P<name>@?[\w-]+(?:[./][\w./@-]+)?)"
HOST, PORT = r"(?P<host>[\w.:-]+?)", r"(?P<port>\d{2,5})"

SERVICES = (
    # libpq, psycopg, asyncpg, SQLAlchemy, Django
    _row(
        Kind.SERVICE,
        rf'server at "{HOST}"(?: \([\w.:]+\))?, port {PORT} failed: (?:Connection refused|timeout)',
    ),
    _row(
        Kind.SERVICE, r"connection to server on socket \".*\.s\.PGSQL\.(?P<port>\d+)\" failed: No such file"
    ),
    _row(Kind.SERVICE, rf"Connect call failed \('{HOST}', {PORT}"),
    _row(
        Kind.SERVICE,
        rf"(?:could not translate host name|failed to resolve host) [\"']{HOST}[\"']",
        port="5432",
    ),
    # Redis's, MySQL's, MongoDB's and HTTP's clients for Python
    _row(Kind.SERVICE, rf"Error (?:111|-[235]|99) connecting to {HOST}:{PORT}\."),
    _row(
        Kind.SERVICE,
        r"Can't connect to (?:local )?(?:MySQL|MariaDB|server).*? on '(?P<host>[\w.-]+?)(?::(?P<port>\d+))?' \(",
        port="3306",
    ),
    _row(Kind.SERVICE, rf"ServerSelectionTimeoutError: {HOST}:{PORT}: (?:\[Errno (?:111|-\d)\]|timed out)"),
    _row(
        Kind.SERVICE,
        rf"host='{HOST}', port={PORT}\).*(?:\[Errno 111\]|Connection refused|NameResolutionError)",
    ),
    # Clients of S3 and Kafka
    _row(Kind.SERVICE, rf"Could not connect to the endpoint URL: \"https?://{HOST}:{PORT}/"),
    _row(Kind.SERVICE, rf"KafkaTimeoutError: Unable to bootstrap from {HOST}:{PORT}\b"),
    _row(Kind.SERVICE, rf"Connect to ipv[46]#\[?{HOST}\]?:{PORT} failed: Connection refused"),
    # Node
    _row(Kind.SERVICE, rf"connect ECONNREFUSED {HOST}:{PORT}\b"),
    _row(
        Kind.SERVICE,
        r"getaddrinfo (?:ENOTFOUND|EAI_AGAIN) (?P<host>[a-z][a-z0-9_-]*)(?::(?P<port>\d+))?(?![\w.])",
    ),
    # Go
    _row(Kind.SERVICE, rf"dial (?:tcp|udp) \[?{HOST}\]?:{PORT}: connect: connection refused"),
    _row(Kind.SERVICE, r"dial tcp: lookup (?P<host>[a-z][a-z0-9_-]*)(?: on [\d.:]+)?: "),
    # Java and .NET
    _row(Kind.SERVICE, rf"Connection to {HOST}:{PORT} refused"),
    _row(
        Kind.SERVICE,
        rf"(?:Connection refused|[Uu]nable to connect to|Failed to connect to):? \[?(?:\w+/)?(?:\[::ffff:)?{HOST}\]?[:/]{PORT}\b",
    ),
    _row(
        Kind.SERVICE,
        r"(?:ConnectException|CommunicationsException):.*(?:Connection refused|Communications link failure)",
    ),
    # Ruby and PHP
    _row(Kind.SERVICE, rf"Connection refused - connect\(2\) for \"?{HOST}\"? port {PORT}"),
    _row(Kind.SERVICE, rf"connect to tcp://{HOST}:{PORT} \(Connection refused"),
    _row(Kind.SERVICE, r"SQLSTATE\[HY000\] \[2002\] (?:Connection refused|No such file)", port="3306"),
    # Rust, and what names no address
    _row(Kind.SERVICE, r"kind: ConnectionRefused"),
    _row(Kind.SERVICE, r"pika\.exceptions\.AMQPConnectionError\b", port="5672"),
    _row(Kind.SERVICE, r"(?:ConnectionRefusedError: |Errno::ECONNREFUSED)"),
)
NETWORKS = (
    _row(Kind.NETWORK, r"Failed to resolve '(?P<name>[\w-]+(?:\.[\w-]+)+)'"),
    _row(Kind.NETWORK, r"(?:ENOTFOUND|EAI_AGAIN) (?P<name>[\w-]+(?:\.[\w-]+)+)"),
    _row(Kind.NETWORK, r"dial tcp: lookup (?P<name>[\w-]+(?:\.[\w-]+)+)(?: on [\d.:]+)?: "),
    _row(Kind.NETWORK, r"error NU1301: .*https?://(?P<name>[\w.-]+)"),
    _row(Kind.NETWORK, r"UnknownHostException: (?P<name>[\w-]+(?:\.[\w-]+)+)"),
    _row(Kind.NETWORK, r"getaddrinfo for (?P<name>[\w-]+(?:\.[\w-]+)+) failed"),
    _row(Kind.NETWORK, r"Could not (?:resolve host: |reach host )(?P<name>[\w-]+(?:\.[\w-]+)+)"),
    _row(
        Kind.NETWORK,
        r"(?:gaierror: |SocketError: getaddrinfo: |error: \"failed to lookup address information)",
    ),
)
CONTAINERS = (
    _row(Kind.DOCKER, r"Error while fetching server API version"),
    _row(Kind.DOCKER, r"(?:working container runtime strategy|valid Docker environment)"),
    _row(Kind.DOCKER, r"Cannot connect to the Docker daemon"),
    _row(Kind.DOCKER, r"connect (?:ENOENT|ECONNREFUSED|EACCES) \S*docker\.sock"),
)
PACKAGES = (
    # Python
    _row(Kind.PACKAGE, rf"ModuleNotFoundError: No module named '{MODULE}'", tool="pip"),
    _row(Kind.PACKAGE, r"ImportError: No module named '?(?P<name>[\w.]+)'?", tool="pip"),
    _row(
        Kind.PACKAGE, r"PackageNotFoundError: No package metadata was found for (?P<name>[\w.-]+)", tool="pip"
    ),
    _row(
        Kind.PACKAGE,
        r"(?:No matching distribution found for|satisfies the requirement) (?P<name>[\w.-]+)",
        tool="pip",
    ),
    _row(
        Kind.PACKAGE,
        r"Because (?P<name>[\w.-]+) was not found in the (?:package registry|provided package locations|cache)",
        tool="pip",
    ),
    _row(Kind.PACKAGE, r"Failed to fetch: `?https?://\S+/simple/(?P<name>[\w.-]+)/", tool="pip"),
    _row(Kind.PACKAGE, r"Missing required plugins: (?P<name>[\w.-]+)", tool="pip"),
    _row(Kind.PACKAGE, r"python.*: error: unrecognized arguments: (?P<option>--?[\w-]+)", tool="pip"),
    _row(Kind.PACKAGE, r"(?P<name>async) def functions are not natively supported", tool="pip"),
    # npm, pnpm, Yarn
    _row(
        Kind.PACKAGE,
        r"Cannot find (?:module|package) '(?P<name>@[\w.-]+/[\w.-]+|[a-z0-9][\w.-]*)(?:/[\w./-]*)?'",
        tool="npm",
    ),
    _row(Kind.PACKAGE, r"Test environment (?P<name>[\w@/-]+) cannot be found", tool="npm"),
    _row(
        Kind.PACKAGE,
        r"(?:Preset|Module) (?P<name>[\w@/-]+)(?: in the \w+ option was)? not found\b",
        tool="npm",
    ),
    _row(
        Kind.PACKAGE,
        r"npm (?:error|ERR!) (?:404 +|FetchError: )?.*(?:request to|'?GET|Not Found - GET) https?://[^/ ]+/(?P<name>@?[\w.-]+(?:(?:%2[fF]|/)[\w.-]+)?)(?:[ ?'-]|$)",
        tool="npm",
    ),
    _row(
        Kind.PACKAGE,
        r"ERR_PNPM_(?:FETCH_404|NO_OFFLINE_TARBALL|NO_MATCHING_VERSION).*/(?P<name>@?[\w.-]+(?:%2[fF][\w.-]+)?)[:,]? ",
        tool="npm",
    ),
    _row(Kind.PACKAGE, r"Couldn't find (?:any versions for|package) \"(?P<name>@?[\w./-]+)[@\"]", tool="npm"),
    # Go
    _row(Kind.PACKAGE, r"no required module provides package (?P<name>[\w./-]+)", tool="go"),
    _row(
        Kind.PACKAGE,
        r"missing go\.sum entry for (?:module providing package |go\.mod file of )?(?P<name>[\w./-]+)",
        tool="go",
    ),
    _row(
        Kind.PACKAGE,
        r"(?<![\w.-])(?P<name>[\w-]+(?:\.[\w-]+)+/[\w./-]+)@v[\w.+-]+: (?:Get |reading |git |verifying )",
        tool="go",
    ),
    _row(
        Kind.PACKAGE,
        r"^go: downloading (?P<name>\S+) ",
        tool="go",
        context="module lookup disabled by GOPROXY",
    ),
    # Cargo
    _row(Kind.PACKAGE, rf"no matching package named {QUOTE}(?P<name>[\w-]+){QUOTE} found", tool="cargo"),
    _row(
        Kind.PACKAGE,
        rf"failed to (?:get|download|load source for dependency) {QUOTE}(?P<name>[\w-]+)[^`]*{QUOTE}",
        tool="cargo",
    ),
    # Maven and Gradle
    _row(
        Kind.PACKAGE,
        r"(?:Could not find artifact|Failure to (?:find|transfer)|Could not transfer artifact|and the artifact) (?P<name>[\w.-]+:[\w.-]+)[:\w.-]*",
        tool="maven",
    ),
    _row(
        Kind.PACKAGE, r"Could not (?:find|resolve|download) (?P<name>[\w.-]+:[\w.-]+):[\w.+-]+", tool="gradle"
    ),
    _row(
        Kind.PACKAGE,
        r"No cached version of (?P<name>[\w.-]+:[\w.-]+):\S+ available for offline mode",
        tool="gradle",
    ),
    _row(Kind.PACKAGE, r"package (?P<name>[\w.]+) does not exist", tool="maven"),
    _row(Kind.PACKAGE, r"ClassNotFoundException: (?P<name>[\w.$]+)", tool="maven"),
    # Bundler
    _row(Kind.PACKAGE, r"cannot load such file -- (?P<name>[\w-][\w/-]*)", tool="bundler"),
    _row(
        Kind.PACKAGE,
        r"Could not find (?:gem '(?P<name>[\w.-]+)[ '(]|(?P<gem>[\w.-]+?)-\d[\w.]*(?:, [\w.-]+)* in (?:any of the sources|locally installed gems))",
        tool="bundler",
    ),
    # Composer
    _row(
        Kind.PACKAGE,
        r"requires (?P<name>[\w.-]+/[\w.-]+)\b.*(?:could not be found|it does not match|found .* but)",
        tool="composer",
    ),
    _row(
        Kind.FILE,
        r"(?:Cannot open (?:bootstrap script|file)|Failed opening required) .*?(?P<name>vendor/autoload\.php)",
    ),
    # NuGet
    _row(
        Kind.PACKAGE,
        r"error NU1\d{3}: Unable to find (?:a stable )?package (?P<name>[\w-]+(?:\.[\w-]+)*)",
        tool="nuget",
    ),
)
IMPORTS = (
    _row(Kind.IMPORT, r"ImportError: cannot import name '(?P<name>[\w.]+)' from"),
    _row(Kind.IMPORT, r"Cannot find module '(?P<name>\.{1,2}/[^']+)'"),
    _row(Kind.IMPORT, r"(?:Error: Class|Class) \"(?P<name>[\w\\]+)\" not found"),
)
VARIABLES = (
    _row(
        Kind.VARIABLE,
        r"KeyError: '(?P<name>\w+)'",
        context=r"os\.environ|<frozen os>|lib/python[\d.]+/os\.py",
    ),
    _row(Kind.VARIABLE, r"key not found: \"(?P<name>\w+)\"", context=r"ENV\.fetch"),
    _row(
        Kind.VARIABLE,
        rf"(?:^|[^\w$]){VARIABLE_NAME}{QUOTE}?:? (?:environment variable )?(?:must be (?:set|defined|provided)|(?:is )?(?:not|n't|un)[ -]?(?:set|defined|found)|is (?:required|missing|empty|undefined)|(?:environment|env) var\w* (?:is )?(?:not set|missing|required))\b",
    ),
    _row(Kind.VARIABLE, rf"[Ee]nv(?:ironment)?[ -]?var(?:iable)?s?:? {QUOTE}?{VARIABLE_NAME}\b"),
    _row(
        Kind.VARIABLE,
        rf"(?:[Ss]et|[Dd]efine|[Mm]issing|[Rr]equires?) (?:the |required )*{QUOTE}?{VARIABLE_NAME}{QUOTE}? (?:environment|env)\b",
    ),
    _row(Kind.VARIABLE, r"environment variable `(?P<name>\w+)` not defined at compile time"),
    _row(Kind.VARIABLE, r"UndefinedValueError: (?P<name>\w+) not found"),
    _row(Kind.VARIABLE, r"either define the environment variable (?P<name>DJANGO_SETTINGS_MODULE)"),
    _row(Kind.VARIABLE, r"ImproperlyConfigured: The (?P<name>[A-Z_]+) setting must not be empty"),
    _row(
        Kind.VARIABLE,
        r"^(?:E +)?(?P<name>[a-z]\w+)$",
        context=r"validation errors? for \w*(?:Settings|Config)\b[^\n]*\n(?:E +)?[a-z]\w*\n[^\n]*Field required",
    ),
)
FILES = (
    _row(Kind.FILE, r"FileNotFoundError: \[Errno 2\] No such file or directory: '(?P<name>[^']*[/.][^']*)'"),
    _row(Kind.FILE, r"ENOENT: no such file or directory, \w+ '(?P<name>[^']+)'"),
    _row(Kind.FILE, r"No such file or directory @ rb_sysopen - (?P<name>\S+)"),
    _row(Kind.FILE, r"(?:open|stat|read|chdir) (?P<name>[\w./-]*[/.][\w./-]*): no such file or directory"),
    _row(Kind.FILE, r"pattern (?P<name>\S+): no matching files found"),
    _row(Kind.FILE, r"couldn't read `(?P<name>[^`]+)`: No such file"),
    _row(Kind.FILE, r"failed to read `(?P<name>[^`]+)`$"),
    _row(
        Kind.FILE, r"(?:java\.io\.|java\.nio\.file\.)(?:FileNotFound|NoSuchFile)Exception: (?P<name>[\w./-]+)"
    ),
    _row(Kind.LFS, r"(?P<name>version https://git-lfs\.github\.com/spec/v1)"),
    _row(Kind.SUBMODULE, r"[Ss]ubmodule path '(?P<name>[^']+)'"),
)
TAGS = (
    _row(Kind.TAGS, r"(?:setuptools-scm|setuptools_scm|hatch-vcs) was unable to detect version"),
    _row(Kind.TAGS, r"fatal: No names found, cannot describe anything"),
    _row(Kind.TAGS, r"Command '\[?'git', 'describe'.*returned non-zero exit status 128"),
)
PROGRAMS = (
    _row(Kind.PROGRAM, r"exec: \"(?P<name>[\w.+-]+)\": executable file not found in \$PATH"),
    _row(Kind.PROGRAM, r"spawn(?:Sync)? (?P<name>[\w.+-]+) ENOENT"),
    _row(
        Kind.PROGRAM,
        r"^(?:/bin/)?(?:sh|bash|dash|zsh)(?:: line \d+|: \d+)?: (?P<name>[\w.+-]+): (?:command )?not found",
    ),
    _row(
        Kind.PROGRAM,
        r"^make(?:\[\d+\])?: (?P<name>[\w.+-]+): (?:No such file or directory|Command not found)",
    ),
    _row(Kind.PROGRAM, r"FileNotFoundError: \[Errno 2\] No such file or directory: '(?P<name>[\w+-]+)'"),
    _row(Kind.PROGRAM, r"Errno::ENOENT: No such file or directory - (?P<name>[\w+-]+)"),
    _row(Kind.PROGRAM, r"Cannot run program \"(?P<name>[\w.+-]+)\""),
    _row(Kind.PROGRAM, r"(?<![\w.+-])(?P<name>[\w.+-]+): Os \{ code: 2, kind: NotFound"),
    _row(Kind.PROGRAM, r"/usr/bin/env: ['‘](?P<name>[\w.+-]+)['’]: No such file"),
    _row(Kind.PROGRAM, r"Executable doesn't exist at \S*/ms-playwright/(?P<name>[a-z]+)"),
)
LIBRARIES = (
    _row(Kind.LIBRARY, r"(?P<name>lib[\w.+-]+\.so[.\d]*): cannot open shared object file"),
    _row(Kind.LIBRARY, r"(?:unable to find library|cannot find) -l(?P<name>[\w.+-]+)"),
    _row(Kind.LIBRARY, r"fatal error: (?P<name>[\w./-]+\.h(?:pp)?): No such file"),
    _row(Kind.LIBRARY, r"Package '?(?P<name>[\w.+-]+)'? (?:was )?not found in the pkg-config search path"),
    _row(Kind.LIBRARY, r"requires PHP extension (?P<name>ext-\w+)"),
    _row(Kind.LIBRARY, r"PDOException: could not find (?P<name>driver)"),
    _row(
        Kind.LIBRARY,
        r"Call to undefined function (?P<name>(?:bc|image|curl_|mb_|sodium_|gmp_|intl|simplexml_|openssl_)\w*)\(\)",
    ),
    _row(Kind.LIBRARY, r"locale\.Error: unsupported (?P<name>locale) setting"),
)
# The order decides where one line matches two rows.
RECOGNISERS = (
    *CONTAINERS,
    *PACKAGES,
    *SERVICES,
    *NETWORKS,
    *TAGS,
    *VARIABLES,
    *PROGRAMS,
    *LIBRARIES,
    *FILES,
    *IMPORTS,
)
# A line that compares, quotes or shows code says nothing about the environment.
COMPARES = regex(
    r"\b[Aa]ssert(?:ion|ed|ing|s)?\b|AssertionError|\b[Ee]xpected\b|\bReceived\b|\bActual\b|\bactual:|\bgot\b|\bwant\b"
    r"|\bleft: |\bright: |DID NOT RAISE|^(?:E +)?[+-](?: |[\"'])|^ *>? *\d+ *\||^>?  +(?:raise|throw|with|return|if|def) "
)
# A test that compared values ran. Where only the whole output is known, nothing in it counts then.
ASSERTED = regex(
    r"AssertionError|ERR_ASSERTION|Failed asserting|assertion `|assertion failed|expect\(received\)|\bDID NOT RAISE\b"
    r"|^E +assert |AssertionFailedError|ExpectationNotMet|^ +Failure/Error: .*expect\(|^ *\d+\) Failure:|Assert\.\w+\(\) Failure|^\s+expected: "
    r"|^\s+\w+_test\.go:\d+: .*(?:\bgot\b|\bwant\b|expected)",
    re.MULTILINE,
)
