"""What weakens tests in languages that are read with patterns, and ordinary work that does not."""

from __future__ import annotations

import time

import pytest

from dayhand.verify.integrity import regex_tests
from dayhand.verify.integrity.configuration import all_settings, check_settings
from dayhand.verify.integrity.suppressions import loosened_thresholds, new_suppressions
from tests.verify.integrity.test_inspect import found

JS = """import {add} from './add';
describe('adding', () => {
  beforeEach(() => { reset(); });
  it('adds', () => {
    expect(add(1, 1)).toBe(2);
  });
  it('should add negatives', async () => {
    // not it.skip('this')
    expect(add(-1, 1)).toBe(0);
  });
});
"""
GO = """package a

import "testing"

func TestAdd(t *testing.T) {
	if Add(1, 1) != 2 {
		t.Fatal("no")
	}
}

func TestSub(t *testing.T) {
	require.Equal(t, 1, Sub(2, 1))
}
"""
RUST = """pub fn add(a: i32, b: i32) -> i32 { a + b }

#[cfg(test)]
mod tests {
    #[test]
    fn adds() {
        assert_eq!(add(1, 1), 2);
    }

    #[test]
    fn adds_negatives() {
        assert_eq!(add(-1, 1), 0);
    }
}
"""
JAVA = """class ShopTest {
    @BeforeEach
    void setUp() {
        shop.open();
    }

    @Test
    void adds() {
        assertEquals(2, shop.add(1, 1));
    }

    @ParameterizedTest
    @CsvSource({
        "1, 2",
        "2, 3"
    })
    void addsMany(int a, int b) {
        assertThat(shop.add(a, 1)).isEqualTo(b);
    }
}
"""
RSPEC = """RSpec.describe Shop do
  it "adds" do
    expect(add(1, 1)).to eq(2)
  end

  context "with negatives" do
    it "adds negatives" do
      expect(add(-1, 1)).to eq(0)
    end
  end
end
"""
MINITEST = """class ShopTest < Minitest::Test
  def test_adds
    assert_equal 2, add(1, 1)
  end

  def test_negatives
    assert_equal 0, add(-1, 1)
  end
end
"""
PHP = """<?php
final class ShopTest extends TestCase
{
    public function testAdds(): void
    {
        $this->assertSame(2, add(1, 1));
    }

    /** @test */
    public function it_adds_negatives(): void
    {
        $this->assertSame(0, add(-1, 1));
    }
}
"""
TEXTS = {
    "a.test.js": JS, "a_test.go": GO, "src/lib.rs": RUST, "src/test/java/ShopTest.java": JAVA,
    "spec/shop_spec.rb": RSPEC, "test/shop_test.rb": MINITEST, "tests/ShopTest.php": PHP,
}  # fmt: skip
JS_TEST = "it('adds', () => {\n    expect(add(1, 1)).toBe(2);\n  });"


@pytest.mark.parametrize(
    ("path", "old", "new", "kind", "what"),
    [
        ("a.test.js", "it('adds'", "it.skip('adds'", "skipped test", "adds"),
        ("a.test.js", "it('adds'", "xit('adds'", "skipped test", "adds"),
        ("a.test.js", "it('adds'", "it.only('adds'", "only this test runs", "adds"),
        ("a.test.js", "it('adds'", "fit('adds'", "only this test runs", "adds"),
        ("a.test.js", "it('adds'", "it('adds', { skip: true }", "skipped test", "adds"),
        ("a.test.js", "describe('adding'", "describe.only('adding'", "only this test runs", "adding"),
        ("a.test.js", "describe('adding'", "describe.skip('adding'", "skipped test", "adding"),
        ("a.test.js", "reset();", "this.skip();", "skipped test", "adding"),
        ("a.test.js", JS_TEST, "it.todo('adds');", "emptied test", "adds"),
        ("a.test.js", JS_TEST, "it('adds', () => {});\n  it('more', () => { expect(1).toBe(1); });", "emptied test", "adds"),
        ("a.test.js", JS_TEST, f"/* {JS_TEST} */", "deleted test", "adds"),
        ("a.test.js", "toBe(0)", "toBeDefined()", "loosened assertion", "should add negatives: 1 no longer compares with a value"),
        ("a_test.go", "\tif Add", '\tt.Skip("flaky")\n\tif Add', "skipped test", "TestAdd"),
        ("a_test.go", "package a", "//go:build never\n\npackage a", "skipped test", "//go:build never"),
        ("a_test.go", "func TestSub", "func testSub", "deleted test", "TestSub"),
        ("a_test.go", "Equal(t, 1, Sub(2, 1))", "NotNil(t, Sub(2, 1))", "loosened assertion", "TestSub: 1 no longer compares with a value"),
        ("src/lib.rs", "    fn adds()", "    #[ignore]\n    fn adds()", "skipped test", "adds"),
        ("src/lib.rs", "    fn adds()", "    #[should_panic]\n    fn adds()", "test expected to fail", "adds"),
        ("src/lib.rs", "    #[test]\n    fn adds()", "    fn adds()", "deleted test", "adds"),
        ("src/lib.rs", "assert_eq!(add(1, 1), 2)", "assert!(add(1, 1) > 0)", "loosened assertion", "adds: 1 no longer compares with a value"),
        ("src/test/java/ShopTest.java", "    @Test\n", "    @Disabled\n    @Test\n", "skipped test", "adds"),
        ("src/test/java/ShopTest.java", "class Shop", '@Disabled("x")\nclass Shop', "skipped test", "ShopTest"),
        ("src/test/java/ShopTest.java", "shop.open()", "assumeTrue(false)", "skipped test", "setUp"),
        ("src/test/java/ShopTest.java", "    @Test\n", "", "deleted test", "adds"),
        ("src/test/java/ShopTest.java", "isEqualTo(b)", "isNotNull()", "loosened assertion", "addsMany: 1 no longer compares with a value"),
        ("spec/shop_spec.rb", 'it "adds"', 'xit "adds"', "skipped test", "adds"),
        ("spec/shop_spec.rb", 'it "adds" do', 'it "adds" do\n    skip "later"', "skipped test", "adds"),
        ("spec/shop_spec.rb", 'it "adds" do', 'pending "adds" do', "deleted test", "adds"),
        ("spec/shop_spec.rb", 'it "adds"', 'fit "adds"', "only this test runs", "adds"),
        ("spec/shop_spec.rb", 'context "with', 'xcontext "with', "skipped test", "with negatives"),
        ("test/shop_test.rb", "test_adds\n", "test_adds\n    skip\n", "skipped test", "test_adds"),
        ("test/shop_test.rb", "assert_equal 2, add(1, 1)", "assert add(1, 1)", "loosened assertion", "test_adds: 1 no longer compares with a value"),
        ("tests/ShopTest.php", "        $this->assertSame(2", "        $this->markTestSkipped();\n        $this->assertSame(2", "skipped test", "testAdds"),
        ("tests/ShopTest.php", "    /** @test */\n", "", "deleted test", "it_adds_negatives"),
        ("tests/ShopTest.php", "testAdds", "disabledAdds", "deleted test", "testAdds"),
    ],
)  # fmt: skip
def test_what_weakens_a_test_is_found_in_every_language(
    path: str, old: str, new: str, kind: str, what: str
) -> None:
    text = TEXTS[path]
    assert old in text
    assert (kind, what) in found(path, text, text.replace(old, new))


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("a.test.js", "'adding'", "'sums'"),
        ("a.test.js", "it('adds'", "it('adds two numbers'"),
        ("a.test.js", "toBe(2)", "toEqual(3)"),
        ("a.test.js", "it('adds', () => {", "it(\n    'adds', () => {\n    find({ skip: 10, limit: 5 });"),
        ("a.test.js", "import", "describe.each([[1, 2]])('x %s', (a) => { it('y', () => { expect(a).toBe(1); }); });\nimport"),
        ("a_test.go", "if Add(1, 1) != 2", "if got := Add(1, 1); got != 2"),
        ("a_test.go", "func TestSub", "func helper(t *testing.T) {\n\tt.Helper()\n}\n\nfunc TestSub"),
        ("src/lib.rs", "a + b", "a.wrapping_add(b)"),
        ("src/lib.rs", "fn adds()", "fn adds_two()"),
        ("src/lib.rs", "    #[test]\n    fn adds()", "    #[test]\n    #[should_panic]\n    fn panics() {\n        add(1, i32::MAX);\n    }\n\n    #[test]\n    fn adds()"),
        ("src/lib.rs", "pub fn add", "#[cfg(unix)]\npub fn other() {}\n\npub fn add"),
        ("src/test/java/ShopTest.java", "class ShopTest", "class StoreTest"),
        ("src/test/java/ShopTest.java", "void adds(", "void addsTwo("),
        ("spec/shop_spec.rb", "describe Shop", "describe Store"),
        ("spec/shop_spec.rb", "eq(2)", "eq(3)"),
        ("test/shop_test.rb", "add(1, 1)", "add(1, 1, skip: nil)"),
        ("tests/ShopTest.php", "assertSame(2, add(1, 1))", "assertSame(3, add(1, 2))"),
    ],
)  # fmt: skip
def test_ordinary_work_is_left_alone_in_every_language(path: str, old: str, new: str) -> None:
    text = TEXTS[path]
    assert old in text
    assert found(path, text, text.replace(old, new)) == []


def test_a_skipped_test_says_nothing_of_a_later_one_on_its_line() -> None:
    body = "function () { expect(f())->toBe(1); })"
    text = f"it('is a', {body}->skip(); it('is b', {body}; it('is c', {body};"
    tests = regex_tests.tests_in("ATest.php", text)
    assert [*tests] == ["is a", "is b", "is c"]
    assert not tests["is c"].skips


def test_a_new_file_with_a_condition_on_it_is_ordinary() -> None:
    assert found("it_test.go", "", f"//go:build integration\n\n{GO}") == []


HOSTILE = (
    "/*",
    "`",
    '\\"',
    '"',
    "it(",
    "it(`",
    "describe('",
    "@Test\nvoid a(\n",
    "lines ",
    "mypy:",
    "fn a",
    "\t{",
    "[[",
    "#",
)


@pytest.mark.parametrize("piece", HOSTILE)
def test_a_long_hostile_file_is_read_in_a_moment(piece: str) -> None:
    text = piece * (100_000 // len(piece))
    begun = time.process_time()
    for path in ("a.test.js", "ATest.java", "a.rs", "a.rb", "a.php", "a.go", "a.exs"):
        regex_tests.tests_in(path, text)
    for path in ("Makefile", "pom.xml", "package.json", "setup.cfg", "conftest.py", "Cargo.toml"):
        check_settings(path, text)
    for path in ("tsconfig.json", "tox.ini", "ruff.toml"):
        all_settings(path, text)
    new_suppressions("", text)
    loosened_thresholds(text, text)
    assert time.process_time() - begun < 5, "quadratic time would take a minute"
