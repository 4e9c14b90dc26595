"""The running site against its own OpenAPI document: no fault, no answer that is not in it."""

from typing import Any

import pytest

from autotuner_site.roles import Role
from autotuner_site.tokens import make_token
from tests import factories
from tests.experiments_app.api.fuzzing import fuzz

EXAMPLES = 2


@pytest.mark.django_db(transaction=True)
def test_made_up_calls_break_nothing_and_get_what_is_documented(live_server: Any) -> None:
    token = make_token(factories.make_user("fuzz", role=Role.OPERATOR), "fuzz").secret
    tasks = [factories.completed_task((10.0, 12.0)), factories.make_task()]
    experiments = [one.pk for one in tasks[0].experiments.all()]
    known = {"task_id": [task.pk for task in tasks], "experiment_id": experiments}
    found = fuzz(live_server.url, token, EXAMPLES, known)
    assert not found.faults, "\n".join(found.faults)
    assert found.calls > 100
    assert {200, 201, 404, 422} <= set(found.by_status())
