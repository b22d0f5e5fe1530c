"""A person's rights over the simulator, on both databases: the export of everything, and an erasure that is one."""
