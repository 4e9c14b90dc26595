"""Takes the documentation's pictures of a task from a running site.

    .venv/bin/python docs/make_screenshots.py "SIGN-IN-LINK"

with a link as `manage.py quickstart` prints it (it works once) for the task to be shown. Needs
Debian's Chromium.
"""

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

IMAGES = Path(__file__).parent / "images"
CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]


def main(link: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 900}, device_scale_factor=1)
        page.goto(link)
        task_url = page.url
        page.wait_for_selector("#live")
        page.screenshot(path=IMAGES / "task.png")
        page.emulate_media(color_scheme="dark")
        page.reload()
        page.screenshot(path=IMAGES / "task-dark.png")
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": 390, "height": 844})
        page.goto(task_url)
        page.screenshot(path=IMAGES / "task-phone.png")
        browser.close()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
