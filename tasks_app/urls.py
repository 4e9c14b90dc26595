from django.urls import include, path

from tasks_app.views import (
    bulk,
    details,
    form_help,
    history,
    life,
    task_form,
    task_list,
    task_page,
)

urlpatterns = [
    path("", task_list.task_list, name="task_list"),
    path("tasks/bulk", bulk.tasks_bulk, name="tasks_bulk"),
    path("tasks/rows", task_list.task_rows, name="task_rows"),
    path("presets/", include("tasks_app.preset_urls")),
    path("tasks/", include("tasks_app.file_urls")),
    path("tasks/new", task_form.task_new, name="task_new"),
    path("tasks/check", form_help.task_check, name="task_check"),
    path("tasks/model", form_help.model_check, name="model_check"),
    path("tasks/builtin", life.tune_builtin, name="tune_builtin"),
    path("tasks/<int:pk>/", task_page.task_detail, name="task_detail"),
    path("tasks/<int:pk>/edit", task_form.task_edit, name="task_edit"),
    path("tasks/<int:pk>/check", form_help.task_check, name="task_check"),
    path("tasks/<int:pk>/details", details.task_details, name="task_details"),
    path("tasks/<int:pk>/start", life.task_start, name="task_start"),
    path("tasks/<int:pk>/cancel", life.task_cancel, name="task_cancel"),
    path("tasks/<int:pk>/restart", life.task_restart, name="task_restart"),
    path("tasks/<int:pk>/duplicate", life.task_duplicate, name="task_duplicate"),
    path("tasks/<int:pk>/delete", life.task_delete, name="task_delete"),
    path("tasks/<int:pk>/archive", life.task_archive, name="task_archive"),
    path("tasks/<int:pk>/bring-back", life.task_bring_back, name="task_bring_back"),
    path("tasks/<int:pk>/history", history.task_history, name="task_history"),
    path("tasks/<int:pk>/history/<int:number>", history.task_version, name="task_version"),
    path(
        "tasks/<int:pk>/history/<int:number>/restore",
        history.version_restore,
        name="version_restore",
    ),
    path("", include("tasks_app.chart_urls")),
    path("", include("tasks_app.run_urls")),
]
