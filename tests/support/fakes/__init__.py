"""Fakes of the model servers, as real HTTP servers on the loopback.

All but llama.cpp's are recorded shapes, not verified live: what the servers'
documentation, sources and bug reports say they send, quirks included.
"""
