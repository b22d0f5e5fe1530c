"""What no plugin can be asked alone: one contract, and one customer, at all four providers."""
