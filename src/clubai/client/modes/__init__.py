"""Jobs that are divided, on their way: what `clubai.dividing` decides is asked here."""
