"""Canaries: made-up secrets and personal data are pushed through every path and looked for wherever people read."""
