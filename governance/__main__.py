"""``python -m governance``: every command, each under its environment's rules."""

from governance.cli.app import main

if __name__ == "__main__":
    main()
