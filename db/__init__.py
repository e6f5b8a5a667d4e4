"""Rows and transactions: the only package that speaks SQL to PostgreSQL for the services."""
