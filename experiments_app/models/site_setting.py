"""A SiteSetting: what an administrator set in the browser."""

from django.conf import settings
from django.db import models


class SiteSetting(models.Model):
    """A setting that an administrator made in the browser; the environment counts before it."""

    name = models.CharField(max_length=100, unique=True)
    encrypted_value = models.TextField(help_text="Fernet; the key is kept in AUTOTUNER_HOME.")
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name
