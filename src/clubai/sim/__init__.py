"""Simulates a club over months in virtual time, through the pure rooms themselves."""
