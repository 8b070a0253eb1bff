"""Keys, signatures and passwords. The one leaf that draws on the system's entropy."""
