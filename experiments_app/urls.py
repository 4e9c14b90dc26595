from django.urls import path

from experiments_app import views

urlpatterns = [
    path("experiments/<int:pk>/", views.experiment_detail, name="experiment_detail"),
    path("experiments/<int:pk>/log", views.experiment_log, name="experiment_log"),
]
