"""`python -m belvedere.cli`: as the supervisor calls its children."""

import sys

from belvedere.cli import main

sys.exit(main())
