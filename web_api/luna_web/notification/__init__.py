"""Notification service: who is told what, and where they read it."""
