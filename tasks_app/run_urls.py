"""What there is to see of a task's runs beside its page."""

from django.urls import path

from tasks_app.views import answer, compare, task_log

urlpatterns = [
    path("tasks/<int:pk>/compare", compare.task_compare, name="task_compare"),
    path("tasks/<int:pk>/answer", answer.task_answer, name="task_answer"),
    path("tasks/<int:pk>/log", task_log.task_log, name="task_log"),
    path("tasks/<int:pk>/log/clear", task_log.task_log_clear, name="task_log_clear"),
]
