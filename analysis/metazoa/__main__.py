"""python -m metazoa COMMAND ARGUMENT...: metazoa-COMMAND, by this interpreter."""

import sys

from .commands import COMMANDS, main


def run():
    if len(sys.argv) < 2 or sys.argv[1] not in COMMANDS:
        print(f"usage: python -m metazoa {{{','.join(COMMANDS)}}} ...", file=sys.stderr)
        return 2
    return main(sys.argv[1], sys.argv[2:])


if __name__ == "__main__":
    sys.exit(run())
