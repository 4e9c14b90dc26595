import pytest
from django.test import Client

from experiments_app import doctor
from experiments_app.doctor import Finding
from experiments_app.system.machine_checks import GROUPS, TITLES, CheckedGroup
from experiments_app.system.outcome import Outcome, Verdict, fault
from tests.pages import HTMX, text_of

pytestmark = pytest.mark.django_db


def test_every_check_of_the_doctor_is_in_one_group_and_has_a_title() -> None:
    grouped = [name for group in GROUPS.values() for name in group.checks]
    assert sorted(grouped) == sorted(doctor.CHECKS)
    assert set(TITLES) == set(doctor.CHECKS)


def test_what_must_be_mended_stands_first() -> None:
    findings = [
        Finding("ports", Verdict.OK, "free"),
        Finding("disk", Verdict.WARNING, "low", "free some"),
        Finding("home", Verdict.FAULT, "not writable", "mend it"),
    ]
    checked = CheckedGroup(GROUPS["machine"], findings)
    assert [title for title, _ in checked.open_ones] == ["Data folder", "Disk"]
    assert [title for title, _ in checked.fine_ones] == ["Ports"]
    assert checked.faults == 1


def test_the_page_asks_for_each_group_by_itself(browser: Client) -> None:
    text = text_of(browser.get("/system/checks"))
    for name in GROUPS:
        assert f'data-hx-get="/system/checks/{name}"' in text
    assert "checks passed" not in text


def test_without_scripts_all_come_with_the_page(browser: Client) -> None:
    text = text_of(browser.get("/system/checks?all"))
    assert "data-hx-get" not in text.split('class="checks"')[1].split("</main>")[0]
    assert "9 checks passed" in text


def test_a_group_says_how_to_mend_what_it_found(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> Outcome:
        return fault("0 of 1 ports free", "set PORT_RANGE to other ports")

    monkeypatch.setitem(doctor.CHECKS, "ports", broken)
    text = text_of(browser.get("/system/checks/machine", headers=HTMX))
    assert "1 to mend" in text
    assert "Set PORT_RANGE to other ports." in text
    assert "<html" not in text


def test_there_are_no_other_groups(browser: Client) -> None:
    assert browser.get("/system/checks/nothing").status_code == 404
