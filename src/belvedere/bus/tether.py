"""Runs a command that dies with the process that started it, whatever that one died of.

Two halves in one file: `tethered` makes the command line, and the file itself, run as a script by a bare interpreter,
ties the knot and becomes the command. Linux ties it in the kernel; elsewhere the command just runs.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def tethered(command: list[str]) -> list[str]:
    """The command line that runs `command` tied to this process.

    The kernel watches the *thread* that starts it: start long-lived children from the main thread.
    """
    if sys.platform != "linux":
        return command
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


def _tie_and_become(parent: int, command: list[str]) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() == parent:  # else it died before the knot was tied
        os.execv(command[0], command)  # noqa: S606  a command of ours, without a shell


if __name__ == "__main__":
    _tie_and_become(int(sys.argv[1]), sys.argv[2:])
