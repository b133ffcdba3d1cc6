"""Runs a command that dies with the process that started it: ``python tether.py PARENT COMMAND...``.

A program of its own rather than a hook between fork and exec: hooks can deadlock in a process with threads.
The command takes this process over, so the pid stays. Only Linux knows the tie; elsewhere it is left out.
"""

from __future__ import annotations

import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Tie this process to ``arguments[0]`` (a pid), then become the command in the rest."""
    parent, command = int(arguments[0]), arguments[1:]
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the tie was made
            raise SystemExit(f"process {parent} ended before {command[0]} could start")
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main(sys.argv[1:])
