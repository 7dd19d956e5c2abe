"""What can be wrong with an input. The text says what, where and how to mend it, in one line."""


class Missing(Exception):
    """Something that was asked for is not there."""

    exit_code = 2


class Damaged(Exception):
    """A file is there, but cannot be read or contradicts itself."""

    exit_code = 3
