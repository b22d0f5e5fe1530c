"""The conformance kit itself: what it catches, what it refuses, and what it reports."""
