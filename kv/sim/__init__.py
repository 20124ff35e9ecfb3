"""The same server on a simulated clock, network and disk."""
