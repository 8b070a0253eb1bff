"""Keys, signatures, passwords and seals. The one leaf that draws on entropy."""
