"""The commands of `manage.py`, one noun a file, and what `up` is made of."""
