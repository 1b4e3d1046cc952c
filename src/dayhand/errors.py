"""Every failure that Dayhand names, and the exit codes of its commands.

    DayhandError                 what happened, and what to do next
    ├── SettingsError            a setting is missing or wrong: nothing was started
    ├── IntakeError              a delivery is refused; its ``status`` is the HTTP answer
    ├── HubError                 GitHub refused a request
    │   └── HubUnavailable       GitHub did not answer: try again later
    │       ├── AnswerLost       GitHub may have done what was asked: look before asking again
    │       ├── BudgetReached    the installation's share of GitHub's limits is used: the request was not sent
    │       └── AppRejected      GitHub rejects the App's key: everything waits until an operator has corrected it
    │           └── InstallationSuspended   the same for one installation, until its owner unsuspends it
    ├── CheckoutError            the repository cannot be fetched or pushed, or its pack is invalid
    │   ├── PolicyRefusal        the change contains something that is never pushed
    │   ├── BranchMoved          somebody else pushed to the branch first
    │   └── MirrorDamaged        this worker's copy of the repository is damaged: the task waits, and it is fetched anew
    ├── SandboxError             no sandbox can be opened, or an open one broke
    ├── EnvironmentFailure       the repository's toolchain cannot be installed
    ├── ModelError               the model gave no answer that can be used
    │   ├── ModelUnavailable     this model is not available now; another one may be
    │   ├── ContextOverflow      the work is longer than the model can read at once
    │   └── LimitReached         the work reached its limit of money, minutes, tokens or turns
    ├── LeaseLost                another worker has claimed this task: stop, and write nothing
    ├── TaskStopped              a person asked for this task to stop
    ├── WorkerStopping           this worker was told to stop: the task goes back into the queue
    ├── DiskFull                 the worker's disk is full: the task waits, and goes on later
    ├── DataDeleted              somebody deleted the worker's files: the task waits, and goes on with new ones
    ├── OutOfTime                the task takes longer than a worker may give to one
    ├── LedgerError              the ledger refuses an illegal step
    │   └── NewerRecord          a newer version wrote a record: leave it to a process of that version
    ├── WorkerCrashed            its worker died too often on this task
    └── InternalFault            a bug in Dayhand ended the task

A command that exits non-zero in a sandbox is a result, not an error.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """What `dayhand` exits with."""

    OK = 0
    FAILED = 1
    SETTINGS = 2  # as argparse exits where an argument is wrong
    FAULT = 3
    NEW_FAILURES = 4  # and the next two: what came of `dayhand run`
    NOT_VERIFIED = 5
    HELD = 6
    INTERRUPTED = 130  # 128 and SIGINT's number, as shells count it


EXIT_MEANINGS = {
    ExitCode.OK: "done; for `run`: the change is verified",
    ExitCode.FAILED: "a task or a check failed; the last lines say why and what to do",
    ExitCode.SETTINGS: "a setting or an argument is missing or wrong; nothing was started",
    ExitCode.FAULT: "a fault in Dayhand itself; please report it",
    ExitCode.NEW_FAILURES: "run: the change is on its branch, and checks fail that passed before",
    ExitCode.NOT_VERIFIED: "run: no check speaks for the change, or no file was changed",
    ExitCode.HELD: "run: the change is on its branch, and a person must look at it first",
    ExitCode.INTERRUPTED: "interrupted with Ctrl-C or SIGTERM",
}


class DayhandError(Exception):
    """A failure with a name: ``str(error)`` says what happened, ``advice`` what to do next."""

    def __init__(self, what: str, *, advice: str = "") -> None:
        super().__init__(what)
        self.advice = advice


class SettingsError(DayhandError):
    """A setting is missing or wrong; nothing was started."""


class IntakeError(DayhandError):
    """A delivery is refused; ``status`` is the HTTP status of the answer."""

    def __init__(self, what: str, *, status: int, advice: str = "") -> None:
        super().__init__(what, advice=advice)
        self.status = status


class HubError(DayhandError):
    """GitHub refused a request; ``status`` is its HTTP status."""

    def __init__(self, what: str, *, status: int = 0, advice: str = "") -> None:
        super().__init__(what, advice=advice)
        self.status = status


class HubUnavailable(HubError):
    """GitHub could not be reached, or failed on its side, after all retries."""


class AnswerLost(HubUnavailable):
    """GitHub may have done what was asked: look before asking again. If ``status`` is 0, it may also still do it."""


class BudgetReached(HubUnavailable):
    """The installation's share of GitHub's limits is used up for now: the request was not sent."""


class AppRejected(HubUnavailable):
    """GitHub rejects the App's id or key, or has suspended the App: everything waits until an operator has corrected it."""


class InstallationSuspended(AppRejected):
    """The App's installation is suspended: its tasks wait until the owner of the account unsuspends it."""


class CheckoutError(DayhandError):
    """The repository cannot be fetched or pushed, or the pack that came out of the sandbox is invalid."""


class PolicyRefusal(CheckoutError):
    """The change contains something that is never pushed; ``paths`` says where."""

    def __init__(self, what: str, *, paths: tuple[str, ...], advice: str = "") -> None:
        super().__init__(what, advice=advice)
        self.paths = paths


class BranchMoved(CheckoutError):
    """Somebody else pushed to the branch first; nothing of ours was pushed to it."""


class MirrorDamaged(CheckoutError):
    """The worker's copy of the repository is damaged, as after a full disk. The next fetch checks it and fetches it anew."""


class SandboxError(DayhandError):
    """No sandbox can be opened here, or an open one broke. Without a sandbox nothing runs."""


class EnvironmentFailure(DayhandError):
    """The repository's toolchain cannot be installed."""


class ModelError(DayhandError):
    """The model, or its server, gave no answer that the loop can continue with."""


class ModelUnavailable(ModelError):
    """The model is not available, or not within the time that we wait; another one may take over."""


class ContextOverflow(ModelError):
    """The server refuses a request because it is longer than the model's window."""


class LimitReached(ModelError):
    """The model reached a limit of the task before it finished."""


class LeaseLost(DayhandError):
    """Another worker has claimed this task: stop at once and write nothing more."""


class TaskStopped(DayhandError):
    """A person asked for this task to stop."""


class WorkerStopping(DayhandError):
    """The worker was told to stop: the task goes back into the queue, and another worker continues it."""


class DiskFull(DayhandError):
    """The worker's disk is full: the task waits, and goes on later."""


class DataDeleted(DayhandError):
    """Somebody deleted the worker's data folder, or a folder in it, during the task: it waits, and goes on with new ones."""


class OutOfTime(DayhandError):
    """The task takes longer than a worker may give to one."""


class LedgerError(DayhandError):
    """The ledger refuses an illegal transition, or a task that does not exist."""


class NewerRecord(LedgerError):
    """A newer version wrote a record, which this one leaves as it is."""


class WorkerCrashed(DayhandError):
    """The worker died too often on this task: it is not retried."""


class InternalFault(DayhandError):
    """A bug in Dayhand, told to the person whose task it ended."""
