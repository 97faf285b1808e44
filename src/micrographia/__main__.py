"""``python -m micrographia``: the command line."""

import sys

from micrographia.cli import main

if __name__ == "__main__":
    sys.exit(main())
