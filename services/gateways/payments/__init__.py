"""Payment providers behind one small interface; which of them this installation has is settings."""
