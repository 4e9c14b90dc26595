from django.urls import path

from experiments_app.notifications import views

OWN = "account/notifications"
urlpatterns = [
    path(OWN, views.notifications, name="notifications"),
    path(f"{OWN}/new/<slug:kind>", views.channel_new, name="notification_new"),
    path(f"{OWN}/<int:number>/", views.channel, name="notification_channel"),
    path(f"{OWN}/<int:number>/edit", views.channel_edit, name="notification_edit"),
    path(f"{OWN}/<int:number>/test", views.channel_test, name="notification_test"),
    path(f"{OWN}/<int:number>/again", views.channel_again, name="notification_again"),
    path(f"{OWN}/<int:number>/switch", views.channel_switch, name="notification_switch"),
    path(f"{OWN}/<int:number>/secret", views.channel_secret, name="notification_secret"),
    path(f"{OWN}/<int:number>/delete", views.channel_delete, name="notification_delete"),
    path(f"{OWN}/<int:number>/confirm", views.channel_confirm, name="notification_confirm"),
    path("tasks/<int:pk>/follow", views.task_follow, name="task_follow"),
    path("system/notifications", views.all_deliveries, name="all_deliveries"),
]
