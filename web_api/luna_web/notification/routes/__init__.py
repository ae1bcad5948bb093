"""HTTP of the notification service: what one was told, how one wants to be told, browsers that are told."""
