"""STANDS: what a node did well and badly, as a fold over events. Pure.

A `Judge` is told facts and gives events; a `Record` is the fold of one node's events;
`Rules` hold the numbers and name the policies.
"""
