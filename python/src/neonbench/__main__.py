"""`python -m neonbench`: the binary."""

import os
import subprocess
import sys

from neonbench._binary import find_binary


def main() -> None:
    """Become the binary; where a process cannot, wait for it."""
    words = [str(find_binary()), *sys.argv[1:]]
    if sys.platform == "win32":
        sys.exit(subprocess.call(words))
    os.execv(words[0], words)


if __name__ == "__main__":
    main()
