"""Exit codes of a POSIX shell for a command that it could not start.

https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#tag_19_08_02
"""

NOT_EXECUTABLE = 126  # it was found, but cannot be executed
NOT_FOUND = 127
NOT_STARTED = (NOT_EXECUTABLE, NOT_FOUND)
