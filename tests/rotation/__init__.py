"""Rotating secrets: tested before they are kept, the former ones kept until the new ones have worked, and told."""
