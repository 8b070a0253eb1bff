"""The local model servers that an agent can use."""
