"""``python -m causeway`` is ``causeway``."""

from causeway.cli import main

if __name__ == "__main__":
    main()
