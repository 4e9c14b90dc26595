import gc

from django.apps import AppConfig


class ExperimentsAppConfig(AppConfig):
    name = "experiments_app"
    verbose_name = "Experiments"

    def ready(self) -> None:
        from experiments_app import earlier_final
        from experiments_app.notifications import outbox
        from tasks_app import transitions

        transitions.listen(earlier_final.note_change)
        transitions.listen(outbox.note_change)
        # All that is imported by now stays, in the workers that are forked from here too.
        gc.freeze()
        gc.enable()  # which manage.py and wsgi.py turn off
