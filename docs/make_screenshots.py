"""Takes all pictures of the documentation, from a site of its own.

    .venv/bin/python docs/make_screenshots.py

starts site and consumer on a data folder that is thrown away afterwards, tunes a small real model
on the real llama.cpp engine, and looks at every page on the way. It takes some minutes and needs
Debian's Chromium: apt-get install -y --no-install-recommends chromium fonts-dejavu-core
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
WIDE = ViewportSize(width=1280, height=900)
PHONE = ViewportSize(width=390, height=844)
MAX_BYTES = 150_000
RUN_LIMIT_MS = 30 * 60_000
# Where this checkout lies is nobody's business: its commands are shown as those of another.
HIDDEN = {str(path): "/opt/autotuner" for path in (ROOT, Path(sys.prefix).resolve().parent)}
HIDE_PATHS = """paths => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    for (const [path, shown] of paths) {
      walker.currentNode.data = walker.currentNode.data.replaceAll(path, shown);
    }
  }
}"""
TASK = """\
task_name: smollm2-135m, first try
description: How many threads and slots serve SmolLM2-135M best on this machine?
deployment_mode: local
base_runtime: llamacpp
model: {id_or_path: smollm2-135m}
parameters:
  threads: [1, 2]
  parallel: [1, 4, 8]
fixed_parameters: {ctx-size: 2048}
optimization: {strategy: grid_search, max_iterations: 6}
slo: {ttft_p99_s: 20.0}
benchmark:
  traffic_scenarios: ["D(16,8)"]
  num_concurrency: [1, 4]
  max_requests_per_level: 8
"""
OLD_TASK = """\
task_name: from the old system
deployment_mode: local
base_runtime: llamacpp
model: {id_or_path: smollm2-135m, namespace: autotuner}
parameters:
  threads: {type: choice, values: [1, 2]}
  paralell: [1, 4]
slo: {ttft: {threshold: 2.0, weight: 2.0}}
benchmark: {task: text-to-text, traffic_scenarios: ["D(100", "100)"], num_concurrency: [4]}
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as home, site(Path(home)) as link, chromium() as browser:
        guest = browser.new_context(viewport=WIDE)
        shoot(guest.new_page(), "sign-in", link.split("/sign-in/")[0] + "/sign-in/")
        context = browser.new_context(viewport=WIDE)
        page = context.new_page()
        page.goto(link)
        before_any_task(page)
        task = run_task(page)
        after_the_run(page, task)
        elsewhere(browser, context, task)


@contextmanager
def site(home: Path) -> Iterator[str]:
    """A running site on an empty folder; the link that signs in."""
    HIDDEN[str(home)] = "/home/ada/.local/share/inference-autotuner"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    environment = {**os.environ, "AUTOTUNER_HOME": str(home), "PORT_RANGE": "18800-18899"}
    command = [sys.executable, str(ROOT / "manage.py"), "serve", "--bind", f"127.0.0.1:{port}"]
    with (home / "output").open("w") as output:
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=output, text=True
        )
        try:
            yield sign_in_link(process)
        finally:
            process.terminate()
            process.wait(timeout=60)


def sign_in_link(process: "subprocess.Popen[str]") -> str:
    for line in process.stdout or ():
        if found := re.search(r"http\S+/sign-in/\S+", line):
            return found[0]
    raise SystemExit("the site ended before it printed its link")


@contextmanager
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium") or sys.exit("no Chromium here; see the top of this file")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


def before_any_task(page: Page) -> None:
    page.get_by_text("checks passed").nth(2).wait_for()
    page.set_viewport_size({"width": 1280, "height": 1100})
    shoot(page, "first-run")
    page.set_viewport_size(WIDE)
    origin = page.url.rstrip("/")
    page.goto(f"{origin}/tasks/import")
    page.get_by_label("Or paste the text").fill(OLD_TASK)
    page.get_by_role("button", name="Show what it says").click()
    shoot(page, "import")
    page.goto(f"{origin}/presets/")
    shoot(page, "presets")
    page.goto(f"{origin}/tasks/import")
    page.get_by_label("Or paste the text").fill(TASK)
    page.get_by_role("button", name="Show what it says").click()
    page.get_by_role("button", name="Import").click()


def run_task(page: Page) -> str:
    """Start it, look at it half-way, wait for its end; its address."""
    task = page.url
    page.goto(f"{task}edit")
    shoot(page, "form")
    page.goto(task)
    page.get_by_role("button", name="Start").click()
    page.locator("#experiment-4.is-active, #experiment-4 .status-running").first.wait_for(
        timeout=RUN_LIMIT_MS
    )
    page.wait_for_timeout(6_000)
    shoot(page, "task-running")
    page.locator(".status-completed").first.wait_for(timeout=RUN_LIMIT_MS)
    page.goto(task)
    return task


def after_the_run(page: Page, task: str) -> None:
    shoot(page, "task")
    shoot(page, "experiment", page.locator("#experiment-5 a").first.evaluate("link => link.href"))
    shoot(page, "compare", f"{task}compare?experiment=0&experiment=3&experiment=5")
    shoot(page, "list", task.split("/tasks/", maxsplit=1)[0] + "/")


def elsewhere(browser: Browser, signed_in: BrowserContext, task: str) -> None:
    """The task in the dark, and on a phone."""
    state = signed_in.storage_state()
    dark = browser.new_context(viewport=WIDE, color_scheme="dark", storage_state=state)
    shoot(dark.new_page(), "task-dark", task)
    phone = browser.new_context(viewport=PHONE, storage_state=state)
    shoot(phone.new_page(), "task-phone", task)


def shoot(page: Page, name: str, url: str = "") -> None:
    """A picture of what the window shows, in few enough bytes."""
    if url:
        page.goto(url)
    page.locator(".passing").evaluate_all("notices => notices.forEach(notice => notice.remove())")
    page.wait_for_timeout(800)
    page.evaluate(HIDE_PATHS, list(HIDDEN.items()))
    path = IMAGES / f"{name}.png"
    page.screenshot(path=path)
    with Image.open(path) as picture:
        colours = picture.convert("RGB")
    colours.save(path, optimize=True)
    if path.stat().st_size > MAX_BYTES:
        colours.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
    size = path.stat().st_size
    print(f"{name}.png {size // 1000} kB")
    if size > MAX_BYTES:
        raise SystemExit(f"{path} is larger than {MAX_BYTES // 1000} kB")


if __name__ == "__main__":
    main()
