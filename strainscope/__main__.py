"""The program: `python -m strainscope`, and what the command `strainscope` runs."""

import sys

import strainscope  # isort: skip - finds the packages of the program
import app.__main__  # isort: skip - answers signals before anything else loads

from app.cli import main

__all__ = ["app", "main", "strainscope"]

if __name__ == "__main__":
    sys.exit(main())
