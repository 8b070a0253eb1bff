def equality_tag(k: bytes, t: str) -> bytes:
    return bytes(32)
def sketch(k: bytes, t: str) -> bytes:
    return bytes(128)
