"""`python -m luna_embedded`: what the `luna` script runs once the environments are there."""

import sys

from luna_embedded.cli import main

sys.exit(main())
