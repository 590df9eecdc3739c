"""``python -m offline_provider google``: started by Terraform through the wrapper in the filesystem mirror."""

from __future__ import annotations

import sys

from offline_provider.rules import read_rules
from offline_provider.schema import read_recording
from offline_provider.server import serve
from offline_provider.simulation import Simulation

if __name__ == "__main__":
    name = sys.argv[1]
    serve(Simulation(read_recording(name), read_rules(name)))
