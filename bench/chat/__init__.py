"""How fast chat is heard, with persistence and all rules on."""
