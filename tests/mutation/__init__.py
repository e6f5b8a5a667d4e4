"""Whether the tests of money and sign-in notice a rule that is changed: `python -m tests.mutation --help`."""
