"""Labels, by which tasks are found again."""

from django.db import models


class Label(models.Model):
    """A word that people put on tasks: a team, a model family, a customer."""

    name = models.CharField(max_length=50, unique=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name
