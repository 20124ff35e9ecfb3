"""Exercises on top of the port and the store."""
