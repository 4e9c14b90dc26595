import re
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.template import Context, Template
from django.test import Client

from autotuner_site.guide import FOLDER, GUIDE, IN_DEPTH, find_heading, guide_pages, slug
from experiments_app.benchmark.errors import ErrorKind
from experiments_app.engine_error import FailureKind

ROOT = Path(settings.BASE_DIR)
LINK = re.compile(r"\]\(([^)\s]+)\)")


@pytest.fixture
def browser(client: Client) -> Client:
    client.force_login(User.objects.create_user("ada"))
    return client


def sources() -> dict[str, Path]:
    return {name: FOLDER / f"{name}.md" for name in GUIDE}


def targets(page: Path) -> list[str]:
    return [target for target in LINK.findall(page.read_text()) if "://" not in target]


def test_it_has_every_page_of_the_guide() -> None:
    assert list(guide_pages()) == [*GUIDE, *IN_DEPTH]
    assert {path.stem for path in FOLDER.glob("*.md")} == set(GUIDE)


@pytest.mark.parametrize("name", GUIDE)
def test_its_links_lead_to_files_and_headings_that_are_there(name: str) -> None:
    page = sources()[name]
    lost = []
    for target in targets(page):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.is_file():
            lost.append(target)
        elif anchor:
            titles = re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE)
            if anchor not in {slug(title.replace("*", "").replace("`", "")) for title in titles}:
                lost.append(target)
    assert lost == []


def test_each_anchor_stands_once_on_its_page() -> None:
    for page in guide_pages().values():
        anchors = [heading.anchor for heading in page.headings]
        assert sorted(set(anchors)) == sorted(anchors), page.name


def test_it_leads_from_page_to_page_and_shows_pictures() -> None:
    html = guide_pages()["index"].html
    assert 'href="/help/concepts"' in html
    assert ".md" not in html
    assert 'src="/static/guide/task.png"' in guide_pages()["read-the-results"].html


def test_it_finds_a_word_and_its_first_sentence() -> None:
    heading = find_heading("ttft")
    assert heading is not None
    assert heading.url == "/help/concepts#ttft"
    assert heading.summary.startswith("Time to first token")


@pytest.mark.parametrize("kind", sorted({*FailureKind, *ErrorKind, "worker_lost"}))
def test_it_says_what_to_do_about_every_kind_of_error(kind: str) -> None:
    heading = find_heading(kind)
    assert heading is not None
    assert heading.page == "troubleshooting"


def test_every_help_link_of_a_template_leads_somewhere() -> None:
    lost = [
        (path.name, anchor)
        for path in (ROOT / "templates").rglob("*.html")
        for anchor in re.findall(r'{% help_link "([^"]+)"', path.read_text())
        if find_heading(anchor) is None
    ]
    assert lost == []


def test_a_help_link_says_where_it_leads_and_opens_beside_the_page() -> None:
    link = Template('{% load site %}{% help_link "slo" %}').render(Context())
    assert 'href="/help/concepts#slo"' in link
    assert 'target="_blank"' in link
    assert "What is SLO?" in link


def test_a_help_link_without_a_place_leads_to_the_guide() -> None:
    link = Template('{% load site %}{% help_link "nowhere" "More" %}').render(Context())
    assert 'href="/help/"' in link
    assert "More" in link


@pytest.mark.django_db
def test_it_shows_every_page_with_the_way_to_the_next(browser: Client) -> None:
    for name in [*GUIDE, *IN_DEPTH]:
        response = browser.get(guide_pages()[name].url)
        assert response.status_code == 200
        assert guide_pages()[name].title in response.content.decode()
    assert b'rel="next" href="/help/first-steps"' in browser.get("/help/").content


@pytest.mark.django_db
def test_it_has_no_page_of_another_name(browser: Client) -> None:
    assert browser.get("/help/nothing").status_code == 404
