"""`./luna ros`: what `ros2` does with topics, nodes, services, actions and parameters, where ros2cli is missing.

Arguments, values and output are ros2cli's. It needs rclpy and knows nothing of LUNA: interfaces are found by name.
"""
