"""What the coordinator remembers: never what was asked or answered."""
