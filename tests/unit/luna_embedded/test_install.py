"""When environments are made anew, and what is made right in them."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from luna_embedded.bootstrap import Need, needs
from luna_embedded.exit_codes import Exit, Refusal
from luna_embedded.install import stamp
from luna_embedded.install.cmake_paths import mend
from luna_embedded.install.commands import Runner
from luna_embedded.install.environments import TESTS, Environment
from luna_embedded.install.generators import in_heaps, without_cpp
from luna_embedded.install.machine import Tool, apt_line, provide, unfit_platform
from luna_embedded.install.node import client_fits, client_stamp
from luna_embedded.install.progress import Progress, live_line
from luna_embedded.layout import Checkout, this_checkout


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    lock, tests = tmp_path / "lock.txt", tmp_path / "tests.txt"
    lock.write_text("one==1\n")
    tests.write_text("two==2\n")
    env = Environment("web", tmp_path / "env", lock, tests)
    python = env.folder / "bin/python"
    python.parent.mkdir(parents=True)
    python.touch(mode=0o755)
    return env


class TestStamp:
    def test_an_environment_without_a_stamp_does_not_count(self, environment: Environment) -> None:
        assert not environment.fits(tests=False)

    def test_it_counts_as_long_as_its_lock_is_the_same(self, environment: Environment) -> None:
        stamp.write(environment.folder, environment.wanted(tests=False))
        assert environment.fits(tests=False)

        environment.lock.write_text("one==1.1\n")
        assert not environment.fits(tests=False)

    def test_the_tests_packages_are_a_layer_of_their_own(self, environment: Environment) -> None:
        stamp.write(environment.folder, environment.wanted(tests=False))
        assert not environment.fits(tests=True)

        stamp.write(environment.folder, environment.wanted(tests=True))
        environment.test_lock.write_text("two==3\n")
        assert environment.fits(tests=False) and not environment.fits(tests=True)
        assert TESTS in stamp.read(environment.folder)

    def test_an_interrupted_change_does_not_count(self, environment: Environment) -> None:
        stamp.write(environment.folder, environment.wanted(tests=False))
        stamp.take_away(environment.folder)

        assert not environment.fits(tests=False)

    def test_a_stamp_that_is_not_ours_is_none(self, environment: Environment) -> None:
        (environment.folder / stamp.FILE).write_text("[1")

        assert stamp.read(environment.folder) == {}

    def test_an_interpreter_that_is_gone_does_not_count(self, environment: Environment) -> None:
        stamp.write(environment.folder, environment.wanted(tests=False))
        (environment.folder / "bin/python").unlink()

        assert not environment.fits(tests=False)

    def test_files_are_known_by_name_and_content(self, tmp_path: Path) -> None:
        folder = tmp_path / "package"
        folder.mkdir()
        (folder / "A.msg").write_text("int32 x")
        before = stamp.digest_of_files([folder])
        (folder / "A.msg").rename(folder / "B.msg")

        assert stamp.digest_of_files([folder]) != before
        assert stamp.digest("ab", "c") != stamp.digest("a", "bc")


class TestMending:
    def test_paths_of_the_wheels_builder_become_this_machines(self, tmp_path: Path) -> None:
        file = tmp_path / "share/pkg/cmake/pkg.cmake"
        file.parent.mkdir(parents=True)
        python = "/opt/python/cp311-cp311"
        file.write_text(
            f'set(I "{python}/include/python3.11;{python}/lib/python3.11/site-packages/numpy/_core/include")'
        )

        assert mend(tmp_path / "share", Path("/usr/include/python3.11"), Path("/env/numpy/include")) == 1
        assert file.read_text() == 'set(I "/usr/include/python3.11;/env/numpy/include")'
        assert mend(tmp_path / "share", Path("/x"), Path("/y")) == 0

    def test_generated_files_are_compiled_in_heaps(self, tmp_path: Path) -> None:
        (argument,) = in_heaps(tmp_path / "generators")
        option, file = argument.split("=")
        assert option == "-DCMAKE_PROJECT_INCLUDE"
        assert "CMAKE_UNITY_BUILD ON" in Path(file).read_text()

    def test_cpp_generators_are_pointed_past(self, tmp_path: Path) -> None:
        arguments = without_cpp(Path("/env"), tmp_path)

        assert f"-Drosidl_generator_cpp_DIR={tmp_path}/rosidl_generator_cpp" in arguments
        text = (tmp_path / "rosidl_generator_cpp/rosidl_generator_cppConfig.cmake").read_text()
        assert 'set(rosidl_generator_cpp_DIR "/env/share/rosidl_generator_cpp/cmake")' in text


class TestMachine:
    def test_linux_on_x86_64_with_a_new_glibc_will_do(self) -> None:
        assert unfit_platform("Linux", "x86_64", ("glibc", "2.36")) == ""

    @pytest.mark.parametrize(
        ("system", "machine", "libc"),
        [
            ("Darwin", "arm64", ("", "")),
            ("Linux", "aarch64", ("glibc", "2.36")),
            ("Linux", "x86_64", ("", "")),
            ("Linux", "x86_64", ("glibc", "2.31")),
        ],
    )
    def test_others_are_told_why_not(self, system: str, machine: str, libc: tuple[str, str]) -> None:
        assert unfit_platform(system, machine, libc).startswith("The embedded run needs")

    def test_whoever_is_not_root_gets_the_one_line_that_installs(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("os.geteuid", lambda: 1000)
        lacking = [Tool("cmake", "cmake", lambda: False), Tool("make", "make", lambda: True)]
        with pytest.raises(Refusal, match="lacks: cmake") as refused:
            provide(lacking, tmp_path / "log", lambda _: None)

        assert refused.value.code == Exit.UNFIT
        assert apt_line(lacking[:1]) in refused.value.mend

    def test_a_program_that_fails_tells_its_last_words_and_the_log(self, tmp_path: Path) -> None:
        log = tmp_path / "install.log"
        with pytest.raises(Refusal, match=r"Trying failed \(exit code 3\):\n    no luck"):
            Runner(log).run("Trying", ["/bin/sh", "-c", "echo no luck; exit 3"])

        assert "no luck" in log.read_text()


class TestTheTypeScriptClientsTools:
    def test_count_as_installed_for_the_lock_that_they_are_of(self, tmp_path: Path) -> None:
        checkout = Checkout(tmp_path)
        modules = checkout.typescript / "node_modules"
        modules.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            (checkout.typescript / name).write_text("{}")
        assert not client_fits(checkout)
        stamp.write(modules, client_stamp(checkout))
        assert client_fits(checkout)
        (checkout.typescript / "package-lock.json").write_text('{"packages": {}}')
        assert not client_fits(checkout)

    def test_are_those_of_a_lock_that_names_no_host(self) -> None:
        assert "://" not in (this_checkout().typescript / "package-lock.json").read_text()


class TestBootstrap:
    @pytest.mark.parametrize(
        ("words", "need"),
        [
            ([], Need(ros=False, tests=False)),
            (["up", "--port", "9000"], Need(ros=True, tests=False)),
            (["up", "--help"], Need(ros=False, tests=False)),
            (["sim", "--robots", "2"], Need(ros=True, tests=False)),
            (["status", "--json"], Need(ros=False, tests=False)),
            (["test", "-k", "name"], Need(ros=True, tests=True)),
        ],
    )
    def test_each_command_gets_what_it_needs_and_no_more(self, words: list[str], need: Need) -> None:
        assert needs(words) == need

    def test_progress_fits_the_terminal(self) -> None:
        line = live_line({"web": "downloading packages, 12 of about 90", "ros": "waiting"}, 12.4, 40)

        assert line.startswith("[  12 s] web: downloading")
        assert len(line) < 40

    def test_where_there_is_no_terminal_lines_are_plain(self) -> None:
        out = io.StringIO()
        with Progress(out) as progress:
            progress.say("Installing …")

        assert out.getvalue() == "Installing …\n"
