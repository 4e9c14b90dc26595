from django.urls import path

from tasks_app.views import datasets

urlpatterns = [
    path("", datasets.dataset_list, name="dataset_list"),
    path("new", datasets.dataset_new, name="dataset_new"),
    path("<int:pk>/", datasets.dataset_detail, name="dataset_detail"),
    path("<int:pk>/columns", datasets.dataset_columns, name="dataset_columns"),
    path("<int:pk>/cancel", datasets.dataset_cancel, name="dataset_cancel"),
    path("<int:pk>/retry", datasets.dataset_retry, name="dataset_retry"),
    path("<int:pk>/remove", datasets.dataset_remove, name="dataset_remove"),
]
