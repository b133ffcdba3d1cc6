"""`python -m agents` is `floorwalker`."""

from agents.cli import main

main()
