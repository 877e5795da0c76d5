"""The system on one machine: starting and stopping it, sample feeds, the demo, generated pages.

Nothing here is part of the warehouse: production runs `docker-compose.yaml` instead.
"""

import warnings

# Machines without a login session (containers, CI) have no runtime folder; /tmp is used instead.
warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
