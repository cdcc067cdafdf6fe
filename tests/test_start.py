"""tools/start.py decides rightly: what to install, when not to, and what to say when it cannot."""

import ast
import json
import os
import re
import shutil
import socket
import string
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest
import start

ROOT = Path(__file__).resolve().parent.parent
SOURCE = (ROOT / "tools" / "start.py").read_text(encoding="utf-8")
METADATA = "Metadata-Version: 2.1\nName: {}\nVersion: 1.0\n"
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def speaker():
    return start.Speaker("en")


@pytest.fixture
def book(tmp_path, monkeypatch):
    """A folder that looks like the book, with nothing installed; no settings from outside."""
    for name in ("LANG_BOOK", "PORT", "TORCH", "BROWSER_OPEN", "CNNBOOK_VENV"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    (tmp_path / "constraints.txt").write_text("torch==2.14.1\n")
    monkeypatch.setattr(start, "ROOT", tmp_path)
    return tmp_path


def make_environment(folder, torch_version=None):
    """What `python -m venv` leaves, as far as start.py looks at it."""
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    python.parent.mkdir(parents=True)
    python.write_text("not a real Python")
    (folder / "pyvenv.cfg").write_text("home = somewhere\n")
    if torch_version:
        torch = folder / "lib" / "python3.11" / "site-packages" / "torch"
        torch.mkdir(parents=True)
        (torch / "version.py").write_text(f"__version__ = '{torch_version}'\n")
    return python


def stamp(folder, extras):
    start.write_stamp(folder, {"fingerprint": start.fingerprint(), "extras": extras})


# ------------------------------------------------------------------------- an old Python


def test_the_program_needs_no_syntax_newer_than_python_3_8():
    ast.parse(SOURCE, feature_version=(3, 8))


def test_the_program_imports_the_standard_library_only():
    imported = set()
    for node in ast.walk(ast.parse(SOURCE)):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module.partition(".")[0])
    assert imported and imported <= sys.stdlib_module_names


def test_a_python_that_is_too_old_is_refused_and_a_fitting_one_named(speaker):
    with pytest.raises(start.Stop) as stopped:
        start.check_python(speaker, "lab", (3, 9), runs=lambda name: name == "python3.12")
    sentence = str(stopped.value)
    assert "3.9" in sentence and "3.10" in sentence
    assert "make lab PYTHON=python3.12" in sentence


def test_without_a_fitting_python_the_sentence_says_where_to_get_one(speaker):
    with pytest.raises(start.Stop, match=r"3\.9.*python\.org"):
        start.check_python(speaker, "lab", (3, 9), runs=lambda name: None)


@pytest.mark.parametrize("minor", [10, 11, 12, 13])
def test_the_tested_pythons_are_taken_for_everything(speaker, minor):
    for action in start.EXTRAS:
        start.check_python(speaker, action, (3, minor))


def test_a_python_without_ready_made_packages_is_refused(speaker):
    start.check_python(speaker, "lab", (3, 14))
    for action, version in [("test", (3, 14)), ("lab", (3, 15))]:
        with pytest.raises(start.Stop, match="tested packages"):
            start.check_python(speaker, action, version, runs=lambda name: None)


def test_a_python_without_the_venv_part_is_refused_with_the_package_to_install(speaker):
    start.check_venv_module(speaker, find=lambda name: "found")
    with pytest.raises(start.Stop, match=r"sudo apt install python3\.\d+-venv"):
        start.check_venv_module(speaker, find=lambda name: None if name == "ensurepip" else name)


# ----------------------------------------------------------------------------- the stamp


def test_what_was_installed_to_the_end_is_not_installed_again(book):
    folder = book / ".venv"
    make_environment(folder)
    stamp(folder, ["lab", "test"])
    assert start.is_ready(folder, ["lab"])
    assert start.is_ready(folder, ["lab", "test"])


def test_a_stamp_without_an_extra_is_stale_for_it(book):
    make_environment(book / ".venv")
    stamp(book / ".venv", ["lab"])
    assert not start.is_ready(book / ".venv", ["lab", "test"])


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_changed_requirements_make_the_stamp_stale(book, name):
    make_environment(book / ".venv")
    stamp(book / ".venv", ["lab"])
    with open(book / name, "a") as file:
        file.write("# one byte more\n")
    assert not start.is_ready(book / ".venv", ["lab"])


def test_a_moved_book_is_installed_again(book, monkeypatch):
    make_environment(book / ".venv")
    stamp(book / ".venv", ["lab"])
    moved = shutil.move(str(book), str(book) + "-moved")
    monkeypatch.setattr(start, "ROOT", Path(moved))
    assert not start.is_ready(Path(moved) / ".venv", ["lab"])


def test_a_removed_python_makes_the_environment_unusable(book):
    python = make_environment(book / ".venv")
    stamp(book / ".venv", ["lab"])
    python.unlink()
    assert not start.is_ready(book / ".venv", ["lab"])


@pytest.mark.parametrize("content", ["", "{", "[]", "null"])
def test_a_damaged_stamp_is_no_stamp(book, content):
    make_environment(book / ".venv")
    (book / ".venv" / start.STAMP).write_text(content)
    assert start.read_stamp(book / ".venv") == {}
    assert not start.is_ready(book / ".venv", ["lab"])


def test_half_a_stamp_is_never_in_place(book, monkeypatch):
    folder = book / ".venv"
    make_environment(folder)

    def cut_off(part, whole):
        raise KeyboardInterrupt

    monkeypatch.setattr(start.os, "replace", cut_off)
    with pytest.raises(KeyboardInterrupt):
        stamp(folder, ["lab"])
    assert start.read_stamp(folder) == {}


# ------------------------------------------------------------------------ what pip is told


def test_the_usual_installation_is_one_call_of_pip():
    assert start.pip_commands("PY", ["test", "lab"], "", "Linux") == [
        "PY -m pip install --disable-pip-version-check --no-input "
        "-c constraints.txt -e .[lab,test]".split()
    ]


def test_the_cpu_build_comes_first_and_alone_from_its_own_index():
    cpu, rest = start.pip_commands("PY", ["lab"], "cpu", "Linux")
    assert cpu == (
        "PY -m pip install --disable-pip-version-check --no-input -c constraints.txt --no-deps "
        "--index-url https://download.pytorch.org/whl/cpu torch torchvision".split()
    )
    assert rest == start.pip_commands("PY", ["lab"], "", "Linux")[0]


@pytest.mark.parametrize("system", ["Windows", "Darwin"])
def test_where_the_usual_build_is_small_the_cpu_build_is_the_usual_one(system):
    usual = start.pip_commands("PY", ["lab"], "", system)
    assert start.pip_commands("PY", ["lab"], "cpu", system) == usual


def test_the_cpu_build_satisfies_the_pin():
    from packaging.requirements import Requirement

    pins = (ROOT / "constraints.txt").read_text().splitlines()
    for name in ("torch", "torchvision"):
        (pin,) = [Requirement(line) for line in pins if line.startswith(name + "==")]
        version = str(pin.specifier).lstrip("=")
        assert f"{version}+cpu" in pin.specifier


def test_the_cpu_build_is_not_laid_over_the_cuda_build(book, speaker):
    make_environment(book / ".venv", "2.14.1+cu130")
    with pytest.raises(start.Stop, match="remove that folder"):
        start.check_torch(speaker, book / ".venv", "cpu", "Linux")
    start.check_torch(speaker, book / ".venv", "", "Linux")
    start.check_torch(speaker, book / ".venv", "cpu", "Windows")
    shutil.rmtree(book / ".venv")
    make_environment(book / ".venv", "2.14.1+cpu")
    start.check_torch(speaker, book / ".venv", "cpu", "Linux")


# -------------------------------------------------------------------------- disk and port


def test_the_disk_must_hold_the_installation(tmp_path, speaker):
    folder = tmp_path / "not" / "there" / "yet"
    seen = []

    def usage(place):
        seen.append(place)
        return Usage(100e9, 98e9, 2e9)

    start.check_disk(speaker, folder, 1.9, usage)
    with pytest.raises(start.Stop, match=r"needs 2\.1 GB .* 2\.0 GB are free"):
        start.check_disk(speaker, folder, 2.1, usage)
    assert set(seen) == {str(tmp_path)}


def test_cuda_needs_the_most_room_and_an_update_the_least():
    assert start.needed_disk(None, "", "Linux") == start.DISK_CUDA
    assert start.needed_disk(None, "cpu", "Linux") == start.DISK_CPU
    assert start.needed_disk(None, "", "Windows") == start.DISK_CPU
    assert start.needed_disk("usual", "", "Linux") == start.DISK_MORE
    assert start.DISK_CUDA > start.DISK_CPU > start.DISK_MORE


def test_a_real_listener_makes_its_port_taken(speaker):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert not start.port_is_free(port)
        with pytest.raises(start.Stop, match=rf"Port {port} is taken.*make lab PORT=\d+"):
            start.choose_port(speaker, str(port))


def test_a_taken_port_is_refused_in_one_sentence_that_names_a_free_one(speaker, capsys):
    with pytest.raises(start.Stop, match="Port 8895 is taken.*make lab PORT=8897"):
        start.choose_port(speaker, "8895", lambda port: port > 8896)
    assert capsys.readouterr().out == ""


def test_without_a_wish_the_next_free_port_is_taken_and_said(speaker, capsys):
    assert start.choose_port(speaker, "", lambda port: True) == 8888
    assert capsys.readouterr().out == ""
    assert start.choose_port(speaker, "", lambda port: port >= 8890) == 8890
    assert "8890" in capsys.readouterr().out
    with pytest.raises(start.Stop, match="No port"):
        start.choose_port(speaker, "", lambda port: False)


@pytest.mark.parametrize("port", ["80", "65536", "eight", "-1"])
def test_a_port_that_cannot_be_is_refused(speaker, port):
    with pytest.raises(start.Stop, match="1024 to 65535"):
        start.choose_port(speaker, port, lambda port: True)


# ---------------------------------------------------------------------------- installing


@pytest.fixture
def installer(book, monkeypatch):
    """start.install with every outside program replaced by a note of its call."""
    calls = []
    answers = {"pip": (0, ""), "broken": "", "import": 0}

    def create_environment(speaker, folder):
        calls.append("create")
        shutil.rmtree(folder, ignore_errors=True)
        make_environment(folder)

    def run_and_listen(command, environment):
        calls.append("pip " + " ".join(command[command.index("install") :]))
        calls.append(f"stamp {start.read_stamp(book / '.venv') != {}}")
        assert Path(environment["TMPDIR"]).is_dir()
        return answers["pip"]

    def run(command, **options):
        if command[-1] == start.FIND_BROKEN:
            return subprocess.CompletedProcess(command, 0, answers["broken"].encode())
        assert command[-1] == start.IMPORT_ALL
        calls.append("import")
        return subprocess.CompletedProcess(command, answers["import"], b"Traceback: DLL")

    monkeypatch.setattr(start, "create_environment", create_environment)
    monkeypatch.setattr(start, "run_and_listen", run_and_listen)
    monkeypatch.setattr(start.subprocess, "run", run)
    monkeypatch.setattr(start, "works", lambda python, *arguments: True)
    monkeypatch.setattr(start, "check_disk", lambda *arguments: calls.append("disk"))
    return calls, answers


def test_a_first_installation_makes_installs_tries_and_then_stamps(book, speaker, installer):
    calls, _ = installer
    start.install(speaker, book / ".venv", ["lab"], "")
    kinds = [call.split()[0] for call in calls]
    assert kinds == ["disk", "create", "pip", "stamp", "import"]
    assert start.is_ready(book / ".venv", ["lab"])
    assert not (book / ".venv" / "tmp").exists()


def test_a_later_installation_keeps_the_environment_and_adds(book, speaker, installer):
    calls, _ = installer
    start.install(speaker, book / ".venv", ["lab"], "")
    del calls[:]
    start.install(speaker, book / ".venv", ["lab", "test"], "")
    assert "create" not in calls
    assert start.is_ready(book / ".venv", ["lab", "test"])


def test_no_stamp_stands_while_pip_works_nor_after_it_failed(book, speaker, installer):
    calls, answers = installer
    make_environment(book / ".venv")
    start.write_stamp(book / ".venv", {"fingerprint": "of yesterday", "extras": ["lab"]})
    answers["pip"] = (1, "ERROR: [Errno 28] No space left on device")
    with pytest.raises(start.Stop, match="disk ran full"):
        start.install(speaker, book / ".venv", ["lab"], "")
    assert "stamp False" in calls
    assert start.read_stamp(book / ".venv") == {}


def test_an_environment_without_a_working_pip_is_made_anew(book, speaker, installer, monkeypatch):
    calls, _ = installer
    make_environment(book / ".venv")
    monkeypatch.setattr(start, "works", lambda python, *arguments: False)
    start.install(speaker, book / ".venv", ["lab"], "")
    assert "create" in calls


def test_what_an_interrupted_run_left_half_there_is_installed_again(book, speaker, installer):
    calls, answers = installer
    make_environment(book / ".venv")
    answers["broken"] = "jupyterlab==4.6.6\n"
    start.install(speaker, book / ".venv", ["lab"], "")
    (again,) = [call for call in calls if "--ignore-installed" in call]
    assert again.endswith("--no-deps --ignore-installed jupyterlab==4.6.6")


def test_packages_that_do_not_import_get_no_stamp(book, speaker, installer, capsys):
    _, answers = installer
    answers["import"] = 1
    with pytest.raises(start.Stop, match="Redistributable"):
        start.install(speaker, book / ".venv", ["lab"], "")
    assert "Traceback: DLL" in capsys.readouterr().out
    assert start.read_stamp(book / ".venv") == {}


def test_an_update_keeps_the_cpu_build(book, speaker, installer, monkeypatch):
    calls, _ = installer
    monkeypatch.setattr(start.platform, "system", lambda: "Linux")
    make_environment(book / ".venv", "2.14.1+cpu")
    start.install(speaker, book / ".venv", ["lab"], "")
    assert len([call for call in calls if start.TORCH_CPU in call]) == 1


def test_a_package_with_a_missing_file_is_found(tmp_path):
    for name, there in [("whole", True), ("torn", False)]:
        information = tmp_path / f"{name}-1.0.dist-info"
        information.mkdir()
        (information / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
        )
        (information / "RECORD").write_text(f"{name}.py,,\n{name}.pyc,,\n")
        if there:
            (tmp_path / f"{name}.py").write_text("")
    unrecorded = tmp_path / "unrecorded-1.0.dist-info"
    unrecorded.mkdir()
    (unrecorded / "METADATA").write_text(METADATA.format("unrecorded"))
    script = "import sys; sys.path[:] = [sys.argv[1]] + [p for p in sys.path if 'site-' not in p]\n"
    command = [sys.executable, "-S", "-c", script + start.FIND_BROKEN, str(tmp_path)]
    found = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    assert sorted(found.split()) == ["torn==1.0", "unrecorded==1.0"]


@pytest.mark.parametrize(
    "errors, sentence",
    [
        ("NewConnectionError('<pip…>: Failed to establish a new connection')", "needs the network"),
        ("ERROR: Could not find a version … (from versions: none)", "needs the network"),
        ("OSError: [Errno 28] No space left on device", "disk ran full"),
        ("error: subprocess-exited-with-error", "did not finish"),
    ],
)
def test_what_pip_says_becomes_one_sentence(speaker, errors, sentence):
    assert sentence in str(start.explain_pip_failure(speaker, errors))


def test_a_folder_that_is_no_environment_is_left_alone(tmp_path, speaker):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(start.Stop, match="not a Python environment"):
        start.create_environment(speaker, tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_an_environment_is_really_made(tmp_path, speaker, monkeypatch):
    """The whole way, but without pip, which takes seconds."""
    run = subprocess.run

    def without_pip(command, **options):
        return run([*command[:-1], "--without-pip", command[-1]], **options)

    start.create_environment(speaker, tmp_path / "홍 길동", run=without_pip)
    python = start.find_interpreter(tmp_path / "홍 길동")
    assert start.works(python, "-c", "pass")


def test_a_failed_making_is_told_in_one_sentence(tmp_path, speaker, capsys):
    def fail(command, **options):
        return subprocess.CompletedProcess(command, 1, b"the reason")

    with pytest.raises(start.Stop, match="could not be made"):
        start.create_environment(speaker, tmp_path / "new", run=fail)
    assert "the reason" in capsys.readouterr().out


# -------------------------------------------------------------------------- the second run


@pytest.fixture
def ready_book(book, monkeypatch):
    """Everything is installed; whoever calls pip or venv fails the test."""
    python = make_environment(book / ".venv")
    stamp(book / ".venv", ["book", "lab", "test"])

    def forbidden(*arguments, **options):
        raise AssertionError(f"a second run called {arguments}")

    monkeypatch.setattr(start, "install", forbidden)
    monkeypatch.setattr(start.subprocess, "run", forbidden)
    monkeypatch.setattr(start.subprocess, "Popen", forbidden)
    return book, python


@pytest.fixture
def opened(monkeypatch):
    """The commands that start.py hands over to at the end."""
    commands = []

    def become(path, command):
        commands.append(command)
        raise SystemExit(0)

    monkeypatch.setattr(start.os, "execv", become)
    monkeypatch.setattr(start.os, "chdir", lambda folder: None)
    monkeypatch.setattr(start, "run_all", lambda given: commands.extend(given) or 0)
    return commands


def open_lab(*arguments):
    try:
        start.main(["lab", *arguments])
    except SystemExit as ended:  # on Windows main returns
        assert ended.code == 0


def test_a_second_lab_installs_nothing_and_opens_the_korean_page(ready_book, opened):
    book, python = ready_book
    open_lab("--no-browser")
    command = opened[0]
    assert command[:3] == [str(python), "-m", "jupyterlab"]
    assert "--LabApp.default_url=/lab/tree/notebooks/ko/5_0_start_here.ipynb" in command
    assert f"--ServerApp.root_dir={book}" in command
    assert "--no-browser" in command


def test_make_variables_reach_jupyterlab(ready_book, opened, monkeypatch):
    for name, value in [("LANG_BOOK", "en"), ("PORT", "18888"), ("BROWSER_OPEN", "yes")]:
        monkeypatch.setenv(name, value)
    open_lab()
    assert "--LabApp.default_url=/lab/tree/notebooks/en/5_0_start_here.ipynb" in opened[0]
    assert "--ServerApp.port=18888" in opened[0]
    assert "--no-browser" not in opened[0]
    monkeypatch.setenv("BROWSER_OPEN", "no")
    open_lab()
    assert "--no-browser" in opened[1]


def test_the_start_pages_exist():
    for language in ("ko", "en"):
        command = start.lab_command("PY", language, 8888, True)
        (url,) = [word for word in command if "default_url" in word]
        assert (ROOT / url.partition("/lab/tree/")[2]).is_file()


def test_arguments_of_test_go_to_pytest(ready_book, opened):
    _, python = ready_book
    assert start.main(["test", "-k", "convolution", "-x"]) == 0
    assert opened == [
        [python, "-m", "pytest", "-n", "auto", "--dist", "loadfile", "-k", "convolution", "-x"]
    ]


def test_the_exit_code_of_a_failed_check_is_kept(ready_book, monkeypatch):
    monkeypatch.setattr(start, "run_all", lambda commands: 3)
    assert start.main(["test"]) == 3


def test_the_first_failure_ends_a_run(monkeypatch):
    began = []
    monkeypatch.setattr(start.subprocess, "call", lambda c, cwd: began.append(c[0]) or int(c[0]))
    assert start.run_all([["0"], ["2"], ["0"]]) == 2
    assert began == ["0", "2"]


@pytest.mark.parametrize("action", ["book", "bench", "images", "notebooks"])
def test_what_does_not_exist_yet_stops_before_anything_is_installed(book, speaker, action, capsys):
    assert start.main([action]) == 1
    assert f"make {action}" in capsys.readouterr().err
    assert not (book / ".venv").exists()


def test_bench_is_one_program_that_gets_the_arguments(book, speaker):
    (book / "tests" / "bench").mkdir(parents=True)
    for name in ("bench.py", "bench_a.py", "record.py"):
        (book / "tests" / "bench" / name).touch()
    commands = start.action_commands(speaker, "bench", "PY", ["--only", "race"])
    assert commands == [["PY", book / "tests" / "bench" / "bench.py", "--only", "race"]]


def test_another_environment_can_be_chosen(book, tmp_path):
    assert start.environment_folder({}) == book / ".venv"
    chosen = start.environment_folder({"CNNBOOK_VENV": str(tmp_path / "elsewhere")})
    assert chosen == tmp_path / "elsewhere"


# --------------------------------------------------------------------------- its sentences


def run_start(*arguments, **settings):
    environment = {key: value for key, value in os.environ.items() if key not in ("PORT", "TORCH")}
    environment.update({"LANG_BOOK": "en", "PYTHONIOENCODING": "utf-8", **settings})
    command = [sys.executable, str(ROOT / "tools" / "start.py"), *arguments]
    return subprocess.run(
        command, capture_output=True, encoding="utf-8", env=environment, timeout=60
    )


@pytest.mark.parametrize(
    "arguments, settings, word",
    [
        (["lab", "--port", "80"], {}, "Port 80 cannot be used"),
        (["lab", "--lang", "fr"], {}, "no language fr"),
        (["lab"], {"TORCH": "gpu"}, "no TORCH=gpu"),
    ],
)
def test_what_goes_wrong_is_one_line_and_exit_code_1(arguments, settings, word):
    done = run_start(*arguments, **settings)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1 and word in done.stderr


def test_a_terminal_without_hangul_shows_no_traceback():
    done = run_start("lab", "--lang", "ko", "--port", "80", PYTHONIOENCODING="ascii")
    assert done.returncode == 1
    assert "1024" in done.stderr and "Traceback" not in done.stderr


def test_messages_follow_the_edition_then_the_system():
    assert start.message_language("en", {"LANG": "ko_KR.UTF-8"}) == "en"
    assert start.message_language("", {"LANG": "ko_KR.UTF-8"}) == "ko"
    assert start.message_language("", {"LANG": "de_DE.UTF-8"}) == "en"
    assert start.message_language("", {"LC_ALL": "ko_KR.UTF-8", "LANG": "C"}) == "ko"


def test_every_sentence_is_there_and_used_and_says_the_same_things_in_both_languages():
    entries = json.loads(start.WORDS.read_text(encoding="utf-8"))
    asked = set(re.findall(r'speaker\.(?:say|stop|words)\(\s*"(\w+)"', SOURCE))
    asked |= {"python_too_old", "python_too_new"}  # chosen by a condition
    assert asked == set(entries)
    for name, entry in entries.items():
        fields = [{field for _, field, _, _ in string.Formatter().parse(entry[k])} for k in entry]
        assert set(entry) == {"ko", "en"} and fields[0] == fields[1], name


@pytest.mark.skipif(not shutil.which("make"), reason="there is no make on this system")
def test_make_without_a_python_says_so():
    done = subprocess.run(
        ["make", "lab", "PYTHON=no-such-python"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode != 0
    assert "There is no 'no-such-python' here" in done.stderr
