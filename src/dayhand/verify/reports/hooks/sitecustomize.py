"""Found by Python through PYTHONPATH: makes unittest's runner write a report.

Every Python program of a check starts with it, so it imports only what Python itself has loaded by then.
"""

from __future__ import annotations

import sys
from _frozen_importlib import module_from_spec
from _frozen_importlib_external import PathFinder, spec_from_file_location

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

HERE = __file__.rpartition("/")[0]


def load(spec: Any) -> Any:
    """Run the module of a spec."""
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class UnittestFinder:
    """Patches ``unittest.runner`` as soon as it is imported, and finds nothing else."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """The spec of ``unittest.runner`` that patches it."""
        if name != "unittest.runner":
            return None
        sys.meta_path.remove(self)
        hook = load(spec_from_file_location("dayhand_unittest", f"{HERE}/dayhand_unittest.py"))
        return hook.patched_spec()


def load_the_usual_one() -> None:
    """There may be another ``sitecustomize``, which this one hides."""
    spec = PathFinder.find_spec("sitecustomize", [folder for folder in sys.path if folder != HERE])
    if spec and spec.loader:
        load(spec)


sys.meta_path.insert(0, UnittestFinder())
load_the_usual_one()
