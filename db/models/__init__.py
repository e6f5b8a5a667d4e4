"""One table a class: columns, indexes and constraints, without business verbs."""
