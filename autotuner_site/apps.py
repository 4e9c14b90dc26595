from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class SiteConfig(AppConfig):
    name = "autotuner_site"

    def ready(self) -> None:
        from autotuner_site.roles import make_roles

        # The signal is sent for one app after the other, and Django makes the permissions of each
        # by then: behind the last one all are there.
        last = [config for config in apps.get_app_configs() if config.models_module][-1]
        post_migrate.connect(make_roles, sender=last, dispatch_uid="autotuner_site.roles")
