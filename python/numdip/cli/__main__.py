"""``python -m numdip.cli`` is the command ``numdip``."""

from . import main

main()
