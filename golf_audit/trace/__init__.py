"""The runtime witness: a submission's own code, run small and observed, and compared with itself."""
