"""The page: every export seen, every failure explained, and the button."""
