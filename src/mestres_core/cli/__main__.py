"""`python -m mestres_core.cli`: the same as `mestres`, for where scripts are not on the path."""

import sys

from mestres_core.cli import main

sys.exit(main())
