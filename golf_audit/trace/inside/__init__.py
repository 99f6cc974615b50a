"""What runs in the sandbox, in one process with the submission: stand-ins for hardware, and the observer."""
