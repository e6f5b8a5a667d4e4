"""What gunicorn has to say, of its master and its workers, among the lines of the process and like them."""

import os
from typing import Any

from gunicorn import glogging

import settings
from logs import configure_logs


class Log(glogging.Logger):
    """Hands gunicorn's records to our handlers: its own write plain text, and expect what our logging does not note."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        configure_logs("api", settings.load(os.environ))
        for own in (self.error_log, self.access_log):
            own.handlers.clear()
            own.propagate = True
