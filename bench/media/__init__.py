"""Live video, measured: latency, cost, players in a browser, and what happens when things break."""
