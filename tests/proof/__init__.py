"""Proof that nothing is lost or doubled, whatever becomes of processes, clocks, disks, connections and providers."""
