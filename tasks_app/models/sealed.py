"""JSON columns whose secrets are encrypted in the database and nowhere else."""

from collections.abc import Callable, Mapping
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from autotuner_site.sealing import sealed_values, unsealed_values
from tasks_app.masking import SECTIONS_WITH_SECRETS


class SealedSection(models.JSONField):
    """One section of a task file, every text of which is encrypted at rest."""

    def from_db_value(self, value: Any, expression: Any, connection: BaseDatabaseWrapper) -> Any:
        return self.unsealed(super().from_db_value(value, expression, connection))

    def get_db_prep_value(
        self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False
    ) -> Any:
        return super().get_db_prep_value(self.sealed(value), connection, prepared)

    @staticmethod
    def sealed(value: Any) -> Any:
        return sealed_values(value)

    @staticmethod
    def unsealed(value: Any) -> Any:
        return unsealed_values(value)


class SealedDocument(SealedSection):
    """A whole task file; the sections that may hold secrets are encrypted at rest."""

    @staticmethod
    def sealed(value: Any) -> Any:
        return _each_section(value, sealed_values)

    @staticmethod
    def unsealed(value: Any) -> Any:
        return _each_section(value, unsealed_values)


def _each_section(document: Any, change: Callable[[Any], Any]) -> Any:
    if not isinstance(document, Mapping):
        return document
    found = {name: change(document[name]) for name in SECTIONS_WITH_SECRETS if name in document}
    return {**document, **found}
