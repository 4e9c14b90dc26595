from django.urls import include, path, re_path

from experiments_app import deploy_views, views
from experiments_app.monitoring import views as monitoring
from experiments_app.system import audit_views, check_views
from experiments_app.system import views as system

urlpatterns = [
    path("healthz", monitoring.healthz, name="healthz"),
    path("metrics", monitoring.metrics, name="metrics"),
    path("experiments/<int:pk>/", views.experiment_detail, name="experiment_detail"),
    path("experiments/<int:pk>/log", views.experiment_log, name="experiment_log"),
    path("", include("experiments_app.notifications.urls")),
    path(
        "experiments/<int:pk>/deploy/<slug:kind>",
        deploy_views.experiment_deploy,
        name="experiment_deploy",
    ),
    path("experiments/<int:pk>/verify", deploy_views.experiment_verify, name="experiment_verify"),
    path(
        "experiments/<int:pk>/verify/cancel",
        deploy_views.verification_cancel,
        name="verification_cancel",
    ),
    path("system/", system.system, name="system"),
    path("system/audit/", audit_views.audit, name="audit"),
    path("system/audit/export", audit_views.audit_export, name="audit_export"),
    path("system/checks", check_views.machine_checks, name="machine_checks"),
    path("system/checks/<slug:name>", check_views.machine_check, name="machine_check"),
    path("system/settings", system.system_settings, name="system_settings"),
    path("system/test-connection", system.test_connection, name="test_connection"),
    re_path(
        r"^system/containers/(?P<container_id>[0-9a-f]{64})/$", system.container, name="container"
    ),
    re_path(
        r"^system/containers/(?P<container_id>[0-9a-f]{64})/stop$",
        system.container_stop,
        name="container_stop",
    ),
    re_path(
        r"^system/images/(?P<image_id>sha256:[0-9a-f]{64})/remove$",
        system.image_remove,
        name="image_remove",
    ),
    path("system/models/<path:repo_id>/remove", system.model_remove, name="model_remove"),
]
