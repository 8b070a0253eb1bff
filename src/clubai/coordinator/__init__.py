"""The coordinator: admits, queues, chooses nodes, relays, remembers the facts."""
