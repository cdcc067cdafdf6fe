"""The house itself: what it needs, what its front door promises, and which room knows which."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import start
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from checks import markdown

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = SETTINGS["project"]
READMES = {"en": ROOT / "README.md", "ko": ROOT / "README.ko.md"}
PAGES = [*READMES.values(), ROOT / "CONTRIBUTING.md"]
PYTHONS = ["3.10", "3.11", "3.12", "3.13", "3.14"]
SYSTEMS = {"linux": "Linux", "darwin": "Darwin", "win32": "Windows"}

# What conda-forge calls some packages.
CONDA_NAMES = {"torch": "pytorch-cpu", "matplotlib": "matplotlib-base"}
# What is imported under another name than it is installed.
IMPORT_NAMES = {
    "markdown_it": "markdown-it-py",
    "oxipng": "pyoxipng",
    "sklearn": "scikit-learn",
    "pil": "pillow",
    "yaml": "pyyaml",
    "websocket": "websocket-client",
}


def requirements(*extras):
    """The requirements of pyproject.toml, of the package itself and of `extras`."""
    lines = list(PROJECT["dependencies"])
    for extra in extras:
        lines += PROJECT["optional-dependencies"][extra]
    return [Requirement(line) for line in lines]


def holds(requirement, python, system):
    """Whether the marker of a requirement is true on that Python and system."""
    settings = {
        "python_version": python,
        "python_full_version": f"{python}.9",
        "sys_platform": system,
        "platform_system": SYSTEMS[system],
        "os_name": "nt" if system == "win32" else "posix",
        "platform_machine": "arm64" if system == "darwin" else "x86_64",
        "implementation_name": "cpython",
    }
    return requirement.marker is None or requirement.marker.evaluate(settings)


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("python", PYTHONS)
def test_every_requirement_admits_exactly_one_pinned_version(python, system):
    pinned = {}
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line) for line in lines if line.strip() and not line.startswith("#")]
    for pin in pins:
        if holds(pin, python, system):
            name = canonicalize_name(pin.name)
            assert name not in pinned, f"{name} is pinned twice on Python {python}, {system}"
            (specifier,) = pin.specifier
            assert specifier.operator == "==" and "*" not in specifier.version, str(pin)
            pinned[name] = specifier.version
    for requirement in requirements("lab", "test", "book"):
        # A range stays satisfiable for years; what is exact stands in constraints.txt.
        assert {part.operator for part in requirement.specifier} == {">="}, str(requirement)
        if holds(requirement, python, system):
            version = pinned.get(canonicalize_name(requirement.name))
            assert version is not None, f"{requirement.name} is not pinned"
            assert requirement.specifier.contains(version), f"{requirement} refuses {version}"


def test_conda_asks_for_what_a_reader_needs_and_nothing_else():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert environment["channels"] == ["conda-forge", "nodefaults"]
    asked = {}
    for line in environment["dependencies"]:
        assert isinstance(line, str), "a pip section could bring a second torch"
        name = re.match(r"[\w.-]+", line).group()
        asked[name] = SpecifierSet(line[len(name) :])
    for own in ("pip", "setuptools"):  # to install the book's own package
        asked.pop(own)
    assert asked.pop("python").contains(PROJECT["requires-python"].lstrip(">="))
    wanted = {
        CONDA_NAMES.get(requirement.name, requirement.name): requirement.specifier
        for requirement in requirements("lab")
    }
    assert asked == wanted


FOLDERS = ["cnnbook", "checks", "bench", "tests", "tools", "conftest.py"]


def imported_names(*folders):
    """The first parts of all imports in the Python files of `folders`."""
    names = set()
    for folder in folders:
        for path in [ROOT / folder] if folder.endswith(".py") else (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    names |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and not node.level:
                    names.add(node.module.partition(".")[0])
    own = {"cnnbook", "checks", "conftest"}
    own |= {path.stem for folder in FOLDERS[1:-1] for path in (ROOT / folder).rglob("*.py")}
    names = {name.lower() for name in names - sys.stdlib_module_names - own}
    return {canonicalize_name(IMPORT_NAMES.get(name, name)) for name in names}


def test_what_is_imported_is_asked_for():
    for folders, extras in (["cnnbook"], []), (FOLDERS, ["lab", "test", "book"]):
        asked = {canonicalize_name(requirement.name) for requirement in requirements(*extras)}
        imported = imported_names(*folders)
        assert imported and imported <= asked


def test_what_ships_with_the_book_is_packed():
    """The non-Python files under cnnbook are all covered by package-data."""
    patterns = SETTINGS["tool"]["setuptools"]["package-data"]["cnnbook"]
    packed = {path for pattern in patterns for path in (ROOT / "cnnbook").glob(pattern)}
    packed |= set((ROOT / "cnnbook" / "assets").rglob("*"))
    for name in tracked_files("cnnbook"):
        if not name.endswith(".py") and not Path(name).name.startswith("."):
            assert ROOT / name in packed, name


# From the ground up: a room knows its own floor and those below.
FLOORS = [
    {"language", "arrays"},
    {"files"},
    {"convolution", "models", "explain", "graphs", "statistics"},
    {"data"},
    {"history", "transfer"},
    {"plots"},
    {"figures"},
    {"progress"},
    {"training"},
    {"speedrun", "distributed"},
    {"exercises", "environment"},
]


def rooms_imported(path):
    """The rooms that a Python file imports, at its top or later."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path.name} imports relative to itself"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            package, room, *_ = [*name.split("."), ""]
            if package == "cnnbook" and room and not room.startswith("__"):
                yield room


def test_imports_run_one_way():
    floor = {room: number for number, names in enumerate(FLOORS) for room in names}
    crossings = set()
    for path in (ROOT / "cnnbook").rglob("*.py"):  # a room is a module or a subpackage
        room = path.relative_to(ROOT / "cnnbook").with_suffix("").parts[0]
        assert room == "__init__" or room in floor, "a new room: say on which floor it stands"
        crossings |= {(room, other) for other in rooms_imported(path) if room in floor}
    assert ("plots", "language") in crossings  # the reading of imports works
    assert not [f"{one} knows {other}" for one, other in crossings if floor[one] < floor[other]]


def test_importing_the_book_is_cheap():
    heavy = {"torch", "matplotlib", "numpy", "IPython", "anywidget"}
    script = f"import sys, cnnbook; sys.exit(str({heavy} & {{*sys.modules}} or ''))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.stderr.strip() == ""


def tracked_files(*below):
    command = ["git", "ls-files", "-z", "--", *below]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8")
    if listed.returncode != 0:  # unpacked from an archive
        pytest.skip("this is no git checkout: there is no list of the book's files")
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def commands(text):
    """The lines of the code blocks, without their comments."""
    blocks = [code for name, code in markdown.code_blocks(text) if name in ("bash", "powershell")]
    lines = [re.sub(r"\s+#.*", "", line).strip() for block in blocks for line in block.split("\n")]
    return [line for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    targets = markdown.targets(text)
    assert targets
    tracked = set(tracked_files())
    for target in targets:
        if re.match(r"https?://|mailto:", target):
            continue
        path, _, anchor = target.partition("#")
        folder = path.rstrip("/") + "/"
        assert not path or path in tracked or any(name.startswith(folder) for name in tracked), (
            f"{page.name} leads to {target}, which is not in the book"
        )
        if anchor:
            other = ROOT / path if path else page
            titles = markdown.headings(other.read_text(encoding="utf-8"))
            assert anchor in {markdown.github_anchor(title) for _, title in titles}, target
    blocks = "\n".join(code for _, code in markdown.code_blocks(text))
    for path in re.findall(r"(?:notebooks|tools|tests)[\\/][\w\\/.]+\w", blocks):
        assert (ROOT / path.replace("\\", "/")).exists(), path


def test_every_make_command_exists_and_start_knows_it():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.search(r"^\.PHONY: (.*)$", makefile, flags=re.M).group(1).split())
    assert targets == set(start.ACTIONS) | {"help"}
    for target in targets:
        assert re.search(rf"^[\w -]*\b{target}\b[\w -]*:", makefile, flags=re.M), target
    for page in PAGES:
        code = "\n".join(re.findall(r"`+[^`]+`+", page.read_text(encoding="utf-8")))
        named = set(re.findall(r"\bmake ([a-z-]+)", code))
        assert named and named <= targets, page.name


def in_english(command):
    """A command of the Korean README as the English one has it: it opens the English edition."""
    command = re.sub(r"(notebooks[/\\])ko\b", r"\1en", command)
    command = re.sub(r"\bmake lab\b", "make lab LANG_BOOK=en", command)
    return command.replace("start.py lab", "start.py lab --lang en")


def test_both_readmes_say_the_same():
    english, korean = (READMES[key].read_text(encoding="utf-8") for key in ("en", "ko"))
    assert commands(english)
    assert commands(english) == [in_english(line) for line in commands(korean)]
    for what in (
        lambda text: [level for level, _ in markdown.headings(text)],
        lambda text: markdown.count(text, "tr_open"),  # rows of tables
        lambda text: sorted(re.findall(r"\d[\d.,]*\d|\d", text)),
        lambda text: re.findall(
            "images/.*", "\n".join(markdown.targets(text)).replace(".ko.", ".")
        ),
    ):
        assert what(english) and what(english) == what(korean)


def test_the_readmes_list_the_chapters_that_exist():
    for language, page in READMES.items():
        targets = markdown.targets(page.read_text(encoding="utf-8"))
        linked = {target for target in targets if re.match(r"notebooks/.*\.ipynb$", target)}
        existing = (ROOT / "notebooks" / language).glob("*.ipynb")
        assert linked == {path.relative_to(ROOT).as_posix() for path in existing}


MACHINE_PATHS = rb"(?<![\w.])/(?:work|root|opt)/\w|\.pyenv"
# In what a notebook printed, a maintainer's own folders have no place either.
PRINTED_PATHS = MACHINE_PATHS + rb"|(?<![\w.])/(?:home|Users|tmp|mnt)/\w|[A-Z]:\\+Users"


def test_no_trace_of_a_machine_in_the_book():
    for name in tracked_files():
        content = (ROOT / name).read_bytes()
        if b"\0" in content[:8192] or Path(name).name == "test_house.py":
            continue  # not text, or this very pattern
        pattern = PRINTED_PATHS if name.endswith(".ipynb") else MACHINE_PATHS
        assert re.findall(pattern, content) == [], name


def github(name):
    """A YAML file of .github; the key `on` of a workflow is read as True."""
    return yaml.safe_load((ROOT / ".github" / name).read_text(encoding="utf-8"))


def promised_pythons():
    """The oldest and the newest Python with which README.md says that the book can be checked."""
    promise = r"(3\.\d+) to 3\.\d+ \(for the second command up to (3\.\d+)\)"
    return re.search(promise, READMES["en"].read_text(encoding="utf-8")).groups()


def test_the_tests_run_with_the_oldest_and_the_newest_python():
    tests = github("workflows/tests.yml")
    matrix = tests["jobs"]["test"]["strategy"]["matrix"]
    assert matrix["python"] == list(promised_pythons())
    assert PROJECT["requires-python"] == f">={matrix['python'][0]}"
    assert {name.partition("-")[0] for name in matrix["os"]} == {"ubuntu", "macos", "windows"}
    assert {"push", "pull_request", "schedule"} <= set(tests[True])


def test_workflows_use_pythons_and_a_node_that_fit():
    engines = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["engines"]["node"]
    oldest = int(re.search(r"\d+", engines)[0])
    for name in ("tests.yml", "pages.yml"):
        for job in github(f"workflows/{name}")["jobs"].values():
            for step in job["steps"]:
                given = step.get("with", {})
                python, node = given.get("python-version"), given.get("node-version")
                assert python is None or "matrix" in python or python in PYTHONS, name
                assert node is None or int(node) >= oldest, name


def test_pages_wait_for_the_tests():
    pages = github("workflows/pages.yml")
    assert pages[True]["workflow_run"]["workflows"] == [github("workflows/tests.yml")["name"]]
    condition = pages["jobs"]["build"]["if"]
    assert "workflow_run.conclusion == 'success'" in condition
    assert "workflow_run.event == 'push'" in condition  # no stranger's branch named main
