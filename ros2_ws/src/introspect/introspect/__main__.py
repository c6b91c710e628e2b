"""``python -m introspect`` is ``introspect``."""

import sys

from introspect.cli import main

sys.exit(main())
