"""Every failure that we name, and what to do about it.

    DayhandError                 what happened, and what to do next
    ├── SettingsError            the operator's settings cannot work
    ├── IntakeError              a delivery that we refuse (its ``status`` is the HTTP answer)
    ├── HubError                 GitHub said no
    │   └── HubUnavailable       GitHub did not answer: try again later
    ├── CheckoutError            the repository cannot be fetched, or what came back cannot be taken in
    │   └── PolicyRefusal        the change holds something that we never push
    ├── SandboxError             no box can be opened, or one broke: never a command's exit code
    ├── EnvironmentFailure       the repository's own toolchain cannot be installed
    ├── ModelError               the model did not give an answer that can be used
    │   ├── ModelUnavailable     this model cannot be had now: another one may be
    │   ├── ContextOverflow      the work is longer than the model can read at once
    │   └── LimitReached         the work used up what it may: money, minutes, tokens or turns
    ├── LeaseLost                another worker has this task now: stop at once, and touch nothing
    ├── TaskStopped              a person asked us to stop
    └── LedgerError              the ledger refuses a step that is not legal

A command that exits non-zero is a result and not an error.
"""


class DayhandError(Exception):
    """A failure that we foresaw: ``str(error)`` says what happened, ``advice`` what a person can do next."""

    def __init__(self, what: str, *, advice: str = "") -> None:
        super().__init__(what)
        self.advice = advice


class SettingsError(DayhandError):
    """The operator's settings cannot work; nothing was started."""


class IntakeError(DayhandError):
    """A delivery is refused at the door; ``status`` is the HTTP status that GitHub is shown."""

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


class CheckoutError(DayhandError):
    """The repository cannot be fetched or pushed, or what the sandbox gave back is not a sound pack."""


class PolicyRefusal(CheckoutError):
    """The change holds something that is never pushed; ``paths`` names where."""

    def __init__(self, what: str, *, paths: tuple[str, ...], advice: str = "") -> None:
        super().__init__(what, advice=advice)
        self.paths = paths


class SandboxError(DayhandError):
    """No box can be opened here, or an open one broke; there is no fall-back without a sandbox."""


class EnvironmentFailure(DayhandError):
    """The toolchain that the repository declares cannot be had."""


class ModelError(DayhandError):
    """The model, or the server in front of it, gave nothing that the loop can go on with."""


class ModelUnavailable(ModelError):
    """The model cannot be had, or not in the time that we wait: another one may go on."""


class ContextOverflow(ModelError):
    """The model's server refuses a request because it is longer than the model's window."""


class LimitReached(ModelError):
    """The model used up what a task may, and had not finished."""


class LeaseLost(DayhandError):
    """Another worker has claimed this task; whoever sees this stops at once and writes nothing more."""


class TaskStopped(DayhandError):
    """A person asked for this task to stop."""


class OutOfTime(DayhandError):
    """The task takes longer than a worker may give to one."""


class LedgerError(DayhandError):
    """The ledger refuses: an illegal transition, or a task that is not there."""
