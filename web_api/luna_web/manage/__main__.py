"""`python -m luna_web.manage COMMAND`. Exit codes: 0 done, 1 refused (why is on stderr), 2 wrong usage."""

from luna_web.manage.commands import app

if __name__ == "__main__":
    app()
