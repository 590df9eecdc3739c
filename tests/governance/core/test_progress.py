"""What ZenML says must not end up in what machines read."""

from __future__ import annotations

import logging
import sys
from io import StringIO

from zenml.logger import ZenMLConsoleHandler

from governance.core.progress import quiet_third_parties


def test_a_console_whose_stream_is_closed_is_turned_to_standard_error() -> None:
    closed = StringIO()
    handler = ZenMLConsoleHandler()
    handler.setStream(closed)
    closed.close()
    logging.getLogger().addHandler(handler)
    try:
        quiet_third_parties()
        assert handler.stream is sys.stderr
    finally:
        logging.getLogger().removeHandler(handler)
