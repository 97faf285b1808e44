"""``python -m micrographia.cli``: the command line where the script is not on the path."""

import sys

from micrographia.cli import main

if __name__ == "__main__":
    sys.exit(main())
