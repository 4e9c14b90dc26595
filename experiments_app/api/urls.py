from django.urls import path

from experiments_app.api.docs_page import api_docs
from experiments_app.api.site_api import addresses

urlpatterns = [
    path("v1/docs", api_docs, name="api_docs"),
    path("v1/", addresses()),
]
