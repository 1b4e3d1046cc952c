"""Loading a command's modules without the garbage collector.

It would look at the new objects a hundred times, which takes a tenth of the time, and modules are never garbage.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading() -> Iterator[None]:
    """Import modules inside; what is there afterwards is never looked at again."""
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()
