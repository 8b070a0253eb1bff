"""The room that decides: pure machines that take events and give commands.

Nothing here waits, reads a clock, draws a random number, logs or touches a device:
`now` comes with every call. What a machine wants done it returns.
"""
