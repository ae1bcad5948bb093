"""The supervisor of a run's parts: lives (pure decisions), processes, logs, control socket."""
