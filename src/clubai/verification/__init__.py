"""CHECKS: questions whose answers are known, and what an answer to one tells. Pure."""
