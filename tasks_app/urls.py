from django.urls import path

from tasks_app import views

urlpatterns = [
    path("", views.task_list, name="task_list"),
    path("tasks/new", views.task_new, name="task_new"),
    path("tasks/builtin", views.tune_builtin, name="tune_builtin"),
    path("tasks/<int:pk>/", views.task_detail, name="task_detail"),
    path("tasks/<int:pk>/edit", views.task_edit, name="task_edit"),
    path("tasks/<int:pk>/start", views.task_start, name="task_start"),
    path("tasks/<int:pk>/cancel", views.task_cancel, name="task_cancel"),
    path("tasks/<int:pk>/restart", views.task_restart, name="task_restart"),
    path("tasks/<int:pk>/duplicate", views.task_duplicate, name="task_duplicate"),
    path("tasks/<int:pk>/delete", views.task_delete, name="task_delete"),
    path("tasks/<int:pk>/log", views.task_log, name="task_log"),
]
