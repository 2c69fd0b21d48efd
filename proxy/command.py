"""The command `exeat`. A hook runs before every tool call of an agent, so it does not wait for the rest."""

import os
import sys

_HOOK = ["hook", "claude-code"]


def main() -> None:
    """Where the installed command begins."""
    flags = set(sys.argv[3:])
    if sys.argv[1:3] == _HOOK and flags <= {"--grant", "--ask"}:
        from proxy.hook import run

        said = run(sys.stdin.buffer, grants="--grant" in flags, asks="--ask" in flags)
        sys.stdout.write(said.out)
        sys.stderr.write(said.error)
        sys.stdout.flush()
        sys.stderr.flush()
        # A thread that still waits for stdin would make an orderly end a crash.
        os._exit(said.code)
    from proxy.cli import main as everything

    everything()
