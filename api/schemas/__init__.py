"""Bodies and queries that are HTTP's alone; what a service takes is declared beside the service."""
