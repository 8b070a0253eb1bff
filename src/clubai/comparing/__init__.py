"""Answers compared: which are alike, which one stands for all; needs no club."""
