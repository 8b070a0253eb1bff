"""A whole club on one screen: its state, kept up to date, and what can be done."""
