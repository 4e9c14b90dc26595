"""Where people see how answers compare: an experiment's page, the table, the CSV; costs beside."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from experiments_app.models import Experiment
from experiments_app.quality.answers import Answer, prompts
from experiments_app.quality.asking import Asked
from experiments_app.quality.check import compared_data, reference_data
from experiments_app.results import RunResults
from experiments_app.results_file import csv_lines
from tests.factories import make_experiment, make_task, make_user, succeed

pytestmark = pytest.mark.django_db
FIRST = prompts()[0].id
DEFAULT = Answer(FIRST, "Mercury, Venus", ("Mercury", ",", " Venus"), (-0.1, -0.1, -0.1))
OTHER = Answer(FIRST, "Mercury and <Mars>", ("Mercury", " and", " <Mars>"), (-0.2, -0.1, -0.1))


@pytest.fixture
def user() -> User:
    return make_user()


@pytest.fixture
def experiment() -> Experiment:
    """One whose answers are not the default's, at a price."""
    task = make_task(parameters={"cache-type-k": ["f16", "q4_0"]})
    task.start()
    baseline = succeed(make_experiment(task, 0), 60.0)
    coarse = succeed(make_experiment(task, 1, {"cache-type-k": "q4_0"}), 70.0)
    reference = reference_data(Asked((DEFAULT,), 1.0), Asked((DEFAULT,), 1.0), str.split)
    baseline.quality = reference
    baseline.save()
    coarse.quality = compared_data(reference, Asked((OTHER,), 1.0), str.split)
    coarse.save()
    coarse.measurements.update(cost_per_million_tokens=1.25, joules_per_token=0.5)
    return coarse


def test_the_page_shows_both_answers_and_what_they_cost(
    client: Client, user: User, experiment: Experiment
) -> None:
    client.force_login(user)
    page = client.get(f"/experiments/{experiment.pk}/").content.decode()
    assert "33% of the tokens agree with the default&#x27;s" in page
    assert "The default itself, asked again: 100% of the tokens." in page
    assert "Name the planets" in page
    assert "Mercury, Venus" in page
    assert "Mercury and &lt;Mars&gt;" in page
    assert "J/token" in page
    assert "1.250" in page


def test_the_table_has_a_column_where_answers_are_compared(
    client: Client, user: User, experiment: Experiment
) -> None:
    client.force_login(user)
    page = client.get(f"/tasks/{experiment.task_id}/").content.decode()
    assert "% of tokens agree" in page
    plain = make_task()
    plain.start()
    succeed(make_experiment(plain, 0), 60.0)
    assert "% of tokens agree" not in client.get(f"/tasks/{plain.pk}/").content.decode()


def test_the_files_tell_it_too(experiment: Experiment) -> None:
    results = RunResults(experiment.task)
    header, default, coarse = csv_lines(results)
    place = header.split(",").index("token_agreement")
    assert default.split(",")[place] == "1.0"
    assert coarse.split(",")[place].startswith("0.333")
    told = results.to_data()["experiments"]
    assert told[1]["quality"]["token_agreement"] == pytest.approx(1 / 3)
    assert "tokens" not in told[0]["quality"]["answers"][0]
    assert told[1]["measurements"][0]["cost_per_million_tokens"] == 1.25
