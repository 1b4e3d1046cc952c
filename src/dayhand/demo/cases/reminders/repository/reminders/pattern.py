"""Turn the model's answer into dates."""

import re
from datetime import timedelta


def read_pattern(answer, shortest, longest):
    """Give the numbers of the answer's last line that has any, each kept within its bounds."""
    lines = [line for line in answer.splitlines() if re.search(r"\d", line)]
    if not lines:
        raise ValueError("the answer holds no numbers")
    return [min(max(int(number), shortest), longest) for number in re.findall(r"\d+", lines[-1])]


def dates(start, pattern):
    """Give the day of each reminder."""
    days = []
    for gap in pattern:
        start += timedelta(days=gap)
        days.append(start)
    return days
