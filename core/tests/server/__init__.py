"""What others reach over HTTP, and what is read of it."""
