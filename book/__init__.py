"""The book: pages, the weave that joins them to the code, the player."""
