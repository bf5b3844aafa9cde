"""Bodies cut anywhere, each at the end of a page behind which nothing can be read."""

from __future__ import annotations

import ctypes
import mmap
import sys

from datarobot_drum.drum.prediction.payload.csv.compiled import is_there, read_compiled

SIZE = 1 << 16
BODIES = (
    b"a,b\n12345678.123456789012345678e-12,-12345678\n1,123456789012345678901234567890\n",
    b'a,b\n"x ""y""",NA\n"z\n",True\n',
    "a,b\néé北京😀,#N/A N/A\n-1.#QNAN,false\n".encode(),
    b"a,b\r\n1.5,-inf\r\n+.5e+1,2020-01-01\r\n",
)


def main() -> int:
    # Not unmapped at the end: a view of it is held by what was read.
    pages = mmap.mmap(-1, 2 * SIZE)
    address = ctypes.addressof(ctypes.c_char.from_buffer(pages))
    protect = ctypes.CDLL(None).mprotect
    if protect(ctypes.c_void_p(address + SIZE), ctypes.c_size_t(SIZE), 0) != 0:
        return 1
    for body in BODIES:
        for end in range(len(body) + 1):
            view = memoryview(pages)[SIZE - end : SIZE]
            view[:] = body[:end]
            read_compiled(view)
    print("all read" if is_there() else "nothing is compiled")
    return 0


if __name__ == "__main__":
    sys.exit(main())
