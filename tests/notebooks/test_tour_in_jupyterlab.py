"""00_tour in a real JupyterLab in a real browser: the slider moves by keyboard, plan and size follow."""

import contextlib
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from notebooks_files import NOTEBOOKS, place, read

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
if BROWSER is None:
    pytest.skip("neither chromium nor google-chrome is here", allow_module_level=True)
playwright = pytest.importorskip("playwright.sync_api", reason="playwright comes with the extra dev")
pytest.importorskip("jupyterlab", reason="jupyterlab comes with the extra lab")

NAME = "00_tour.ipynb"
PATIENCE = 120  # seconds; two slow cores start a lab, a kernel and torch in less
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
)
# All cells are in the page at once, and nobody asks about news.
SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none"},
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}


def free_port() -> int:
    with contextlib.closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def environment(folder: Path) -> dict[str, str]:
    """Jupyter's folders, all below one of ours: nobody's settings are read or changed."""
    names = ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR")
    own = {f"JUPYTER_{name}": str(folder / name.lower()) for name in names}
    own |= {
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
    }
    own |= {"JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"), "JUPYTER_PLATFORM_DIRS": "1"}
    for name, values in SETTINGS.items():
        path = folder / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values), encoding="utf-8")
    return {**os.environ, **own}


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as reply:
            return reply.status == 200
    except (urllib.error.URLError, OSError):
        return False


def forget_outputs(path: Path) -> None:
    """What was saved with the notebook must not be taken for what runs here."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell |= {"outputs": [], "execution_count": None}
    path.write_text(json.dumps(notebook), encoding="utf-8")


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[str]:
    """The address of the notebook, copied so that nothing is saved over it, in a lab of its own."""
    root, port, token = tmp_path / "notebooks", free_port(), secrets.token_hex(16)
    shutil.copytree(NOTEBOOKS, root, ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints"))
    forget_outputs(root / NAME)
    options = {"ServerApp.ip": "127.0.0.1", "ServerApp.port": port, "ServerApp.port_retries": 0}
    options |= {"IdentityProvider.token": token, "ServerApp.root_dir": root, "ServerApp.open_browser": False}
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        "--allow-root",
        *(f"--{key}={value}" for key, value in options.items()),
    ]
    log = tmp_path / "lab.log"
    with open(log, "wb") as file:
        server = subprocess.Popen(
            command, cwd=root, env=environment(tmp_path / "jupyter"), stdout=file, stderr=file, stdin=subprocess.DEVNULL
        )
    try:
        end = time.monotonic() + PATIENCE
        while not answers(f"http://127.0.0.1:{port}/api/status?token={token}"):
            assert server.poll() is None, log.read_text()[-2000:]
            assert time.monotonic() < end, log.read_text()[-2000:]
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/lab/tree/{NAME}?token={token}"
    finally:
        server.terminate()  # it shuts its kernels down
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


@pytest.fixture
def page(lab: str, tmp_path: Path) -> Iterator["playwright.Page"]:
    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=BROWSER, args=list(QUIET))
        view = browser.new_page(viewport={"width": 1200, "height": 900})
        view.set_default_timeout(1000 * PATIENCE)
        playwright.expect.set_options(timeout=1000 * PATIENCE)
        view.goto(lab)
        view.locator(".jp-Notebook .jp-Cell").first.wait_for()
        try:
            yield view
        finally:
            view.screenshot(path=tmp_path / "last.png")  # what a failed test had before its eyes
        browser.close()


def run_cell(page: "playwright.Page", number: int) -> "playwright.Locator":
    """Select a cell as a reader does, run it, and wait until it has run."""
    cell = page.locator(".jp-Notebook .jp-Cell").nth(number)
    prompt = cell.locator(".jp-InputPrompt").first
    prompt.scroll_into_view_if_needed()
    prompt.click()
    end = time.monotonic() + PATIENCE
    while not re.fullmatch(r"\[\d+\]:", prompt.inner_text()):
        assert time.monotonic() < end, f"cell {number} did not run within {PATIENCE} s"
        # On a busy machine the lab drops a cell whose kernel is just connecting: a reader would press again.
        if prompt.inner_text() == "[ ]:":
            page.keyboard.press("Control+Enter")
        page.wait_for_timeout(2000 if prompt.inner_text() == "[ ]:" else 100)
    return cell


def bars(cell: "playwright.Locator") -> list[str]:
    return cell.locator("svg rect.bar").evaluate_all("all => all.map(bar => bar.getAttribute('width'))")


def test_slider_moves_plan_and_size_by_keyboard(page: "playwright.Page") -> None:
    notebook, expect = read(NAME), playwright.expect
    for text in ("Recogniser(shipped", "packed = recogniser.bundle.packed.report"):
        run_cell(page, place(notebook, text))
    cell = run_cell(page, place(notebook, "ui.budget_explorer("))
    handle = cell.locator(".noUi-handle").first
    handle.wait_for()
    told, picture = cell.locator("[role=status]"), cell.locator("svg[role=img]")
    expect(told).to_contain_text("bits a weight on average")
    words, label, plan = told.inner_text(), picture.get_attribute("aria-label"), bars(cell)
    assert len(plan) == 18

    handle.focus()
    for _ in range(10):
        page.keyboard.press("ArrowLeft")
    expect(cell.locator(".widget-readout")).to_have_text("3.0")
    expect(picture).to_have_attribute("aria-label", re.compile("at most 3.0 bits a weight"))
    expect(told).not_to_have_text(words)
    assert picture.get_attribute("aria-label") != label
    fewer = bars(cell)
    assert len(fewer) == 18
    assert fewer != plan
    assert sum(map(float, fewer)) < sum(map(float, plan))

    page.keyboard.press("ArrowRight")
    expect(picture).to_have_attribute("aria-label", re.compile("at most 3.1 bits a weight"))
