from django.apps import AppConfig


class ExperimentsAppConfig(AppConfig):
    name = "experiments_app"
    verbose_name = "Experiments"

    def ready(self) -> None:
        from experiments_app.notifications import outbox
        from tasks_app import transitions

        transitions.listen(outbox.note_change)
