import unittest
from datetime import date

from reminders.pattern import dates, read_pattern


class PatternTest(unittest.TestCase):
    def test_the_numbers_of_the_last_line_count(self):
        self.assertEqual(read_pattern("Here are 3 numbers:\n4, 9, 2", 2, 14), [4, 9, 2])

    def test_numbers_are_kept_within_their_bounds(self):
        self.assertEqual(read_pattern("1, 5, 90", 2, 14), [2, 5, 14])

    def test_an_answer_without_numbers_is_refused(self):
        with self.assertRaises(ValueError):
            read_pattern("I would rather not.", 2, 14)

    def test_each_gap_counts_from_the_reminder_before(self):
        days = dates(date(2026, 5, 30), [2, 5])
        self.assertEqual(days, [date(2026, 6, 1), date(2026, 6, 6)])


if __name__ == "__main__":
    unittest.main()
