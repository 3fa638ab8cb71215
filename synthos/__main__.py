"""``python -m synthos`` is the command ``synthos``."""

from synthos.cli.app import main

if __name__ == "__main__":
    main()
