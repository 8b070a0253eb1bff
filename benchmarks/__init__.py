"""What the club costs: `python -m benchmarks`.

A mock backend, a load generator and the club run in processes of their own, so that the
processor time of each can be told apart.
"""
