from django.urls import path, re_path

from tasks_app.views import compare_runs, task_charts

urlpatterns = [
    path("compare", compare_runs.compare_runs, name="compare_runs"),
    path("tasks/compare", compare_runs.tasks_compare, name="tasks_compare"),
    re_path(
        r"^compare/(?P<name>[\w-]+)\.(?P<kind>svg|png)$",
        compare_runs.compared_chart_file,
        name="compared_chart_file",
    ),
    path("tasks/<int:pk>/chart-section", task_charts.chart_section, name="chart_section"),
    path("tasks/<int:pk>/charts/", task_charts.task_charts, name="task_charts"),
    re_path(
        r"^tasks/(?P<pk>[0-9]{1,15})/charts/(?P<name>[\w-]+)\.(?P<kind>svg|png)$",
        task_charts.task_chart_file,
        name="task_chart_file",
    ),
    path("tasks/<int:pk>/charts/<slug:name>", task_charts.task_chart, name="task_chart"),
]
