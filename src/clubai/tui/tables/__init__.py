"""The club's tables: what each column shows, and the sentence that says so. Pure.

The help and the documentation print the sentences; `clubai top` prints the tables.
"""
