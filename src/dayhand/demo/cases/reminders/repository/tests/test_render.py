import tempfile
import unittest
from pathlib import Path

from reminders.render import PROMPTS, PLACEHOLDER, PromptError, declared, read, render

VALUES = {"reminder": "call grandma", "count": 6, "shortest": 2, "longest": 14, "days": 5}


class RenderTest(unittest.TestCase):
    def test_every_prompt_can_be_filled_in(self):
        names = sorted(path.name.removesuffix(".message.md") for path in PROMPTS.iterdir())
        self.assertIn("generate_occurrence_pattern", names)
        for name in names:
            with self.subTest(name):
                self.assertNotRegex(render(name, VALUES), PLACEHOLDER)

    def test_the_bounds_reach_the_model(self):
        text = render("generate_occurrence_pattern", VALUES)
        self.assertIn("at least 2 and at most 14", text)

    def test_a_value_that_lacks_is_named(self):
        with self.assertRaisesRegex(PromptError, "longest"):
            render("generate_occurrence_pattern", {"reminder": "x", "count": 1, "shortest": 1})

    def test_a_placeholder_must_be_declared(self):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "hello.message.md").write_text("---\nplaceholders: who\n---\n{{who}} {{when}}\n")
            with self.assertRaisesRegex(PromptError, "when"):
                render("hello", {"who": "you"}, Path(folder))

    def test_the_head_is_not_sent(self):
        head, text = read("propose_title")
        self.assertEqual(declared(head), ["reminder"])
        self.assertNotIn("purpose", text)


if __name__ == "__main__":
    unittest.main()
