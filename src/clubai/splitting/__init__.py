"""Documents cut on meaningful borders: pure text in, chunks out; needs no club."""
