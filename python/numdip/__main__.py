"""``python -m numdip`` is the command ``numdip``."""

from .cli import main

main()
