"""Everything at once, for a while: what is asked, what is paid, faults, workers that die and workers that join."""
