"""`python -m luna_embedded`: what the `luna` script runs once the environments are there."""

import sys
import warnings

# A library of the command line library says so on machines without a login session; nothing of ours looks there.
warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")

from luna_embedded.cli import main  # noqa: E402

sys.exit(main())
