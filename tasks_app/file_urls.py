from django.urls import path

from tasks_app.views import files, results_import, task_import

CSV, JSON, PARQUET = ({"ending": ending} for ending in ("csv", "json", "parquet"))

urlpatterns = [
    path("import-results", results_import.results_import, name="results_import"),
    path("import", task_import.task_import, name="task_import"),
    path("export", files.tasks_export, name="tasks_export"),
    path("<int:pk>/export", files.task_export, name="task_export"),
    path("<int:pk>/results.csv", files.task_results, CSV, name="task_results_csv"),
    path("<int:pk>/results.json", files.task_results, JSON, name="task_results_json"),
    path("<int:pk>/results.parquet", files.task_results, PARQUET, name="task_results_parquet"),
    path("<int:pk>/report", files.task_report, name="task_report"),
]
