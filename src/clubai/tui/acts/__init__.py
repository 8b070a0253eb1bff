"""What a person can do to the club from the dashboard: each asks first. Pure."""
