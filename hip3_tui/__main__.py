"""`python -m hip3_tui` and the command `hip3-tui`."""

from hip3_tui.cli import main

if __name__ == "__main__":
    main()
