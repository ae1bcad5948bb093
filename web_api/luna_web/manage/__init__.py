"""The administrator's commands: `python -m luna_web.manage`."""
