"""The task that tries nothing but this configuration."""

from experiments_app.artefacts.base import Artefact
from experiments_app.artefacts.subject import Subject
from experiments_app.models import Experiment
from tasks_app.spec import TaskSpec
from tasks_app.taskfile import dump_for_people

NOTE = "Measures the default and this configuration, elsewhere or later."


def task_file(subject: Subject) -> Artefact:
    text = _document(subject.spec, subject.experiment)
    return Artefact("task-file", "Task file", text, f"{subject.name}-task.yaml", notes=(NOTE,))


def _document(spec: TaskSpec, experiment: Experiment) -> str:
    data = spec.to_data()
    tried = {
        name: [experiment.parameters[name]]
        for name in spec.parameters
        if experiment.parameters.get(name) is not None
    }
    if tried:
        fixed = {name: v for name, v in spec.fixed_parameters.items() if name not in tried}
        unset = spec.parameters.keys() - tried.keys()
        constraints = [c.text for c in spec.parsed_constraints() if unset.isdisjoint(c.names)]
        data |= {"parameters": tried, "fixed_parameters": fixed, "constraints": constraints}
    return dump_for_people(data)
