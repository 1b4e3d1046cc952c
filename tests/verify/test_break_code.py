"""What is broken to see whether tests notice a change: the functions that changed, and nothing that stands beside them."""

from __future__ import annotations

import pytest

from dayhand.verify.break_code import EXPRESSION, REASON, break_changed

# path: the text before; the text with the change, where "§" stands for each place at which it has to break
CASES = {
    "one of two functions.py": (
        "def a():\n    return 1\n\n\ndef b():\n    return 2\n",
        "def a():\n    return 1\n\n\ndef b():\n§    return 3\n",
    ),
    "an import beside it.py": ("def a():\n    return 1\n", "import os\n\n\ndef a():\n§    return os.sep\n"),
    "a decorated method on one line.py": (
        "class A:\n    @property\n    def b(self): return 2\n",
        "class A:\n    @property\n    def b(self): §return 3\n",
    ),
    "an inner function.py": (
        "def a():\n    def b():\n        return 1\n    return b\n",
        "def a():\n    def b():\n§        return 2\n    return b\n",
    ),
    "a line is gone.py": (
        "def a():\n    x = 1\n    check(x)\n\n\ndef b(): ...\n",
        "def a():\n§    x = 1\n\n\ndef b(): ...\n",
    ),
    "a default value.py": ("def a(x=1):\n    return x\n", "def a(x=2):\n§    return x\n"),
    "a function.js": (
        "function a() {\n  return 1;\n}\nfunction b() {\n  return 2;\n}\n",
        "function a() {\n  return 1;\n}\nfunction b() {§\n  return 3;\n}\n",
    ),
    "a method and its condition.ts": (
        "class A {\n  b({ x }: X): number {\n    if (x) {\n      return 2;\n    }\n    return 1;\n  }\n}\n",
        "class A {\n  b({ x }: X): number {§\n    if (x) {\n      return 3;\n    }\n    return 1;\n  }\n}\n",
    ),
    "braces in strings.js": (
        "const a = () => {\n  const s = '}{';\n  return 1;\n};\nfunction b() {}\n",
        "const a = () => {§\n  const s = '}{';\n  return 2;\n};\nfunction b() {}\n",
    ),
    "an arrow.mjs": ("export const a = (x) => x + 1;\n", "export const a = (x) => ¤x - 1;\n"),
    "a function.go": (
        "package a\n\nfunc A(x int) (int, error) {\n\tif x > 0 {\n\t\treturn 1, nil\n\t}\n\treturn 2, nil\n}\n\nfunc B() {}\n",
        "package a\n\nfunc A(x int) (int, error) {§\n\tif x > 0 {\n\t\treturn 3, nil\n\t}\n\treturn 2, nil\n}\n\nfunc B() {}\n",
    ),
    "a function beside its tests.rs": (
        ("fn a<'x>(s: &'x str) -> usize { s.len() }\nfn b() -> i32 {\n    2\n}\n#[cfg(test)]\nmod tests {\n"
        '    #[test]\n    fn ta() { assert_eq!(super::a(""), 0) }\n}\n'),
        ("fn a<'x>(s: &'x str) -> usize { s.len() }\nfn b() -> i32 {§\n    3\n}\n#[cfg(test)]\nmod tests {\n"
        '    #[test]\n    fn ta() { assert_eq!(super::a("x"), 1) }\n}\n'),
    ),
    "only tests inside.rs": (
        "fn a() -> i32 { 1 }\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn t() { assert_eq!(super::a(), 1) }\n}\n",
        "fn a() -> i32 { 1 }\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn t() { assert!(super::a() == 1) }\n}\n",
    ),
    "a method.java": (
        "class A {\n  A(int x) {\n    this.x = x;\n  }\n  int b() throws X {\n    return 2;\n  }\n}\n",
        "class A {\n  A(int x) {\n    this.x = x;\n  }\n  int b() throws X {§\n    return 3;\n  }\n}\n",
    ),
    "a method.cs": (
        "class A {\n  public A(int x) {\n    X = x;\n  }\n  public int B() {\n    return 2;\n  }\n}\n",
        "class A {\n  public A(int x) {\n    X = x;\n  }\n  public int B() {§\n    return 3;\n  }\n}\n",
    ),
    "a function.kt": (
        "fun b(x: Int): Int {\n    return 2\n}\n",
        "fun b(x: Int): Int {§\n    return 3\n}\n",
    ),
    "a method.cpp": (
        "int A::b() const {\n  if (x) {\n    return 2;\n  }\n  return 1;\n}\n",
        "int A::b() const {§\n  if (x) {\n    return 3;\n  }\n  return 1;\n}\n",
    ),
    "a method.php": (
        "<?php\nclass A {\n  public function b(int $x): int {\n    return 2;\n  }\n}\n",
        "<?php\nclass A {\n  public function b(int $x): int {§\n    return 3;\n  }\n}\n",
    ),
    "a method.rb": (
        "class A\n  def a\n    1\n  end\n\n  def b(x)\n    if x\n      2\n    end\n  end\nend\n",
        "class A\n  def a\n    1\n  end\n\n  def b(x)\n§    if x\n      3\n    end\n  end\nend\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize("path", CASES)
def test_the_functions_that_changed_are_broken_and_nothing_beside_them(path: str) -> None:
    before, marked = CASES[path]
    after = marked.replace("§", "").replace("¤", "")
    broken = break_changed(path, before, after)
    assert broken is not None
    lines = [line for line in marked.splitlines() if "§" in line or "¤" in line]
    assert broken.count(REASON) == len(lines), broken
    for found in range(len(lines)):
        at = [place for place, sign in enumerate(marked) if sign in "§¤"][found] - found
        assert broken[:at] == after[:at], broken
        assert REASON in broken[at : at + 130].splitlines()[0], broken
    assert broken == after or EXPRESSION in broken or REASON in broken


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("constant.py", "RATE = 1\n\n\ndef a(): ...\n", "RATE = 2\n\n\ndef a(): ...\n"),
        ("gone.py", "def a(): ...\n\n\ndef b(): ...\n", "def a(): ...\n"),
        ("unreadable.py", "def a(:\n", "def a(::\n"),
        ("constant.js", "exports.rate = 1;\nfunction a() {}\n", "exports.rate = 2;\nfunction a() {}\n"),
        ("class.rb", "class A\n  X = 1\n  def a\n  end\nend\n", "class A\n  X = 2\n  def a\n  end\nend\n"),
        ("settings.yaml", "a: 1\n", "a: 2\n"),
        ("same.py", "def a(): ...\n", "def a(): ...\n"),
    ],
)
def test_a_file_is_broken_as_a_whole_where_no_function_changed(path: str, before: str, after: str) -> None:
    assert break_changed(path, before, after) is None
