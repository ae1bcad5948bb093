"""An executor for rclpy that wakes up cheaply."""

from luna_executor.executor import LeanExecutor

__all__ = ["LeanExecutor"]
