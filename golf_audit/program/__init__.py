"""The abstract walk: what a program does to tokens, in order, without running it."""
