"""Parameters as ROS knows them: declared with descriptors, checked as a whole at the start and at every change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node
from rclpy.parameter import Parameter as RosParameter

from luna_robot.parameters import Parameter, Values, WrongParameter, check


class Parameters:
    """`take` gets all values at the start and whenever some have changed; it raises WrongParameter to refuse them.

    It is called for a change that is only asked for as well, so it must do nothing but build what the node works with;
    `adopt` is told what it built once the change holds.
    """

    def __init__(
        self,
        node: Node,
        parameters: Sequence[Parameter],
        take: Callable[[Values], Any] = lambda _: None,
        adopt: Callable[[Any], None] = lambda _: None,
    ) -> None:
        self._node = node
        self._parameters = parameters
        self._take = take
        self._adopt = adopt
        self.values = {parameter.name: self._declare(parameter) for parameter in parameters}
        try:
            check(parameters, self.values)
            self.settings = take(self.values)
            """What `take` built of the values in force."""
        except WrongParameter as error:
            raise self._wrong(error) from None
        node.add_on_set_parameters_callback(self._judge)
        node.add_post_set_parameters_callback(self._changed)

    def __getitem__(self, name: str) -> Any:
        """The value in force."""
        return self.values[name]

    def _declare(self, parameter: Parameter) -> Any:
        default = parameter.default
        try:
            declared = self._node.declare_parameter(
                parameter.name, list(default) if isinstance(default, tuple) else default, _descriptor(parameter)
            )
        except (InvalidParameterTypeException, InvalidParameterValueException) as error:
            raise self._wrong(f"{error}; {parameter.name} must be {parameter.wanted}") from None
        return declared.value

    def _wrong(self, what: object) -> WrongParameter:
        return WrongParameter(f"{self._node.get_fully_qualified_name()}: {what}")

    def _with(self, changed: Iterable[RosParameter]) -> dict[str, Any]:
        return {**self.values, **{one.name: one.value for one in changed if one.name in self.values}}

    def _judge(self, asked: list[RosParameter]) -> SetParametersResult:
        values = self._with(asked)
        try:
            check(self._parameters, values)
            self._take(values)
        except WrongParameter as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def _changed(self, changed: list[RosParameter]) -> None:
        before, self.values = self.values, self._with(changed)
        for name, value in self.values.items():
            if value != before[name]:
                self._node.get_logger().info(f"{name} is {value} from what begins next on, was {before[name]}")
        if self.values != before:
            self.settings = self._take(self.values)
            self._adopt(self.settings)


def _descriptor(parameter: Parameter) -> ParameterDescriptor:
    descriptor = ParameterDescriptor(
        name=parameter.name, description=parameter.meaning, read_only=not parameter.changeable
    )
    if isinstance(parameter.default, float):
        descriptor.floating_point_range = [FloatingPointRange(from_value=parameter.low, to_value=parameter.high)]
    elif isinstance(parameter.default, int) and not isinstance(parameter.default, bool):
        descriptor.integer_range = [IntegerRange(from_value=int(parameter.low), to_value=int(parameter.high), step=1)]
    return descriptor
