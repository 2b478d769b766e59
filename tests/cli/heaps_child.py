"""Starts threads that take memory, and prints how many heaps the C library made for them."""

import ctypes
import sys
import tempfile
import threading

from pleo_export.cli.heaps import keep_few_heaps

THREADS = 8


def heaps() -> int:
    library = ctypes.CDLL(None)
    library.fopen.restype = ctypes.c_void_p
    with tempfile.NamedTemporaryFile() as file:
        stream = ctypes.c_void_p(library.fopen(file.name.encode(), b"w"))
        library.malloc_info(0, stream)
        library.fclose(stream)
        return file.read().count(b"<heap ")


def main() -> None:
    keep_few_heaps()
    ready = threading.Barrier(THREADS + 1)

    def take() -> None:
        taken = bytearray(10_000)
        ready.wait()
        del taken

    threads = [threading.Thread(target=take) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    ready.wait()
    sys.stdout.write(f"{heaps()}\n")


if __name__ == "__main__":
    main()
