"""The rules: every permission, transaction, event and job of AstroTV starts here."""
