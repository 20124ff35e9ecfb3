"""The weave: code, notes and scenarios joined into pages."""
