"""Asks nodes what is known already, as an ordinary client, and tells what came out."""
