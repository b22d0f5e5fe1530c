"""Charges ("cobranças"): made, cancelled, refunded and received in cash as tasks; looked up, listed and paid for."""
