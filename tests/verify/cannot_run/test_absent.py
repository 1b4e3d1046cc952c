"""Failures that follow from submodules and Git LFS files that are not there."""

from __future__ import annotations

import pytest

from dayhand.verify.cannot_run.absent import explain_absent

LIB, DATA = (
    "The submodule vendor/my-lib is not there: …",
    "The Git LFS file data/prices.bin is only a pointer: …",
)
ABSENT = {"vendor/my-lib": LIB, "data/prices.bin": DATA}


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("ModuleNotFoundError: No module named 'my_lib'", LIB),
        ("Error: Cannot find module '../vendor/my-lib/index.js'", LIB),
        ("FileNotFoundError: [Errno 2] No such file or directory: 'vendor/my-lib/rates.json'", LIB),
        ("struct.error in data/prices.bin: 'version https://git-lfs.github.com/spec/v1'", DATA),
        ("ModuleNotFoundError: No module named 'requests'", ""),
        ("AssertionError: my_lib and prices", ""),
        ("1 failed", ""),
    ],
)
def test_a_failure_is_explained_by_what_it_names(output: str, said: str) -> None:
    assert explain_absent(output, ABSENT) == said
    assert explain_absent(output, {}) == ""
