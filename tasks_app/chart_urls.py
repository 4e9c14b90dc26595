from django.urls import path, re_path

from tasks_app.views import task_charts

urlpatterns = [
    path("tasks/<int:pk>/chart-section", task_charts.chart_section, name="chart_section"),
    path("tasks/<int:pk>/charts/", task_charts.task_charts, name="task_charts"),
    re_path(
        r"^tasks/(?P<pk>\d+)/charts/(?P<name>[\w-]+)\.(?P<kind>svg|png)$",
        task_charts.task_chart_file,
        name="task_chart_file",
    ),
    path("tasks/<int:pk>/charts/<slug:name>", task_charts.task_chart, name="task_chart"),
]
