"""A store goes to another database: verified, resumable, and only one of the two works."""
