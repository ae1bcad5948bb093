"""Makes the build of ROS interfaces cheaper: half of the generators are left out, the rest is compiled in heaps.

Nothing here is written in C++: for each of its generators CMake is pointed at a package configuration of ours, which
loads the real one (others refer to its targets) and takes its generator off ament's list. What remains (C, Python, type
descriptions, Fast DDS and introspection type supports for C) is what rclpy and rosbridge-server-rs use.

Of that, several files are compiled as one (CMake's unity build): reading ROS's headers takes longer than the code.
"""

from __future__ import annotations

from pathlib import Path

CPP_GENERATORS = (
    "rosidl_generator_cpp",
    "rosidl_typesupport_cpp",
    "rosidl_typesupport_fastrtps_cpp",
    "rosidl_typesupport_introspection_cpp",
)


def muted_configuration(package: str, real: Path) -> str:
    """A CMake package configuration that is the ``real`` one without its generator."""
    return f"""\
set({package}_DIR "{real}")
include("${{{package}_DIR}}/{package}Config.cmake")
list(FILTER AMENT_EXTENSIONS_rosidl_generate_idl_interfaces EXCLUDE REGEX "^{package}:")
"""


def without_cpp(env: Path, folder: Path) -> list[str]:
    """Write the configurations into ``folder``; returns the arguments that make CMake use them."""
    arguments = []
    for package in CPP_GENERATORS:
        place = folder / package
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{package}Config.cmake").write_text(muted_configuration(package, env / "share" / package / "cmake"))
        arguments.append(f"-D{package}_DIR={place}")
    return arguments


IN_HEAPS = """\
set(CMAKE_UNITY_BUILD ON)
set(CMAKE_UNITY_BUILD_BATCH_SIZE 16)
function(luna_compile_apart)
  # Its files have static names in common.
  if(TARGET ${PROJECT_NAME}__rosidl_generator_c)
    set_property(TARGET ${PROJECT_NAME}__rosidl_generator_c PROPERTY UNITY_BUILD OFF)
  endif()
endfunction()
cmake_language(DEFER CALL luna_compile_apart)
"""


def in_heaps(folder: Path) -> list[str]:
    """Write what each project includes into ``folder``; returns the argument that makes CMake (3.19 or newer) do so."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "in_heaps.cmake"
    file.write_text(IN_HEAPS)
    return [f"-DCMAKE_PROJECT_INCLUDE={file}"]
