"""Run the auditor from a checkout without installing it: `python cli.py static PR_DIR`. The commands are in `golf_audit/__main__.py`."""

import sys

from golf_audit.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
