"""Choosing free TCP ports on 127.0.0.1."""

import random
import socket

# Below the range from which systems take the ports of outgoing connections, so that none of those grabs a chosen port
# between the choice and the start of the server.
_FIRST, _LAST = 20_000, 32_000


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket() as probe:
        # As servers do: a port in TIME_WAIT after a restart counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port on which nothing listens now. Another process may still take it: be ready to choose again."""
    choose = random.SystemRandom()
    while True:
        port = choose.randint(_FIRST, _LAST)
        if is_free(port):
            return port
