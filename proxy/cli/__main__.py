"""python -m proxy.cli: the `exeat` command."""

from proxy.cli import main

main()
