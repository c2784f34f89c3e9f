"""Where the program begins (`strainscope`, `python -m app`): signals are answered before anything else loads."""

import sys

from app.signals import answer_signals

answer_signals()

from app.cli import main  # noqa: E402 - after the signals are answered

if __name__ == "__main__":
    sys.exit(main())
