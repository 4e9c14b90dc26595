from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.urls import include, path

from autotuner_site import help_views, token_views, views

handler400 = "autotuner_site.uploads.bad_request"
handler500 = "autotuner_site.request_ids.server_error"
handler403 = "autotuner_site.access.not_allowed"
handler404 = "autotuner_site.request_ids.not_found"

urlpatterns = [
    path("", include("tasks_app.urls")),
    path("", include("experiments_app.urls")),
    path("sign-in/", views.SignIn.as_view(), name="login"),
    path("sign-in/<str:uid>/<str:token>/", views.sign_in_by_link, name="sign_in_by_link"),
    path("sign-out/", LogoutView.as_view(), name="logout"),
    path("sign-out/everywhere", views.sign_out_everywhere, name="sign_out_everywhere"),
    path("password/", views.password, name="password"),
    path("account/tokens", token_views.tokens, name="tokens"),
    path("account/tokens/<int:pk>/revoke", token_views.token_revoke, name="token_revoke"),
    path("api/", include("experiments_app.api.urls")),
    path("help/", help_views.help_page, name="help"),
    path("help/<slug:name>", help_views.help_page, name="help_page"),
    path("admin/", admin.site.urls),
]
