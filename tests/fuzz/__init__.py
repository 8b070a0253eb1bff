"""Bytes that nobody sends by mistake, against everything that reads bytes."""
