"""`python -m bench.chat.unhurried`: the realtime server without the limits on how much one person says.

A thousand accounts may say two thousand messages a second, and the measurements want more. All rules are
still looked at; the numbers in two of them are larger.
"""

import sys

from realtime import __main__ as realtime
from realtime import pace
from services import chat_bursts

MANY = 10**6

if __name__ == "__main__":
    chat_bursts.BURST = MANY
    pace.BURST = MANY
    sys.exit(realtime.main())
