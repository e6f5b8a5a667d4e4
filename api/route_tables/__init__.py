"""The route table in parts, one file an area; `api/routes.py` puts them together."""
