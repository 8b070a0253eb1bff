"""The agent: speaks for one node, dials out, runs what it is given."""
