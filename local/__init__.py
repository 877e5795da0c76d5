"""The running system on one machine: starting and stopping it, its samples, its demo.

Nothing in here is part of the warehouse: production runs `docker-compose.yaml` instead.
"""

import warnings

# Machines without a login session (containers, CI) have no runtime folder; /tmp does as well.
warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
