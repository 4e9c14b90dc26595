"""Encrypts everything that is stored encrypted anew, with the key that is the first one now."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.apps import apps
from django.db import models, transaction

from autotuner_site.sealing import (
    KeyLost,
    begin_new_key,
    decrypt,
    encrypt,
    forget_keys,
    own_keys_in_use,
)
from experiments_app.models import SiteSetting
from tasks_app.models.sealed import SealedSection

KEYS_KEPT = 2
"""The new one and the one before it, which a backup from before the exchange needs."""


@dataclass
class Rotated:
    """How much was encrypted anew, and what could not be read."""

    rows: int = 0
    settings: int = 0
    unreadable_settings: tuple[str, ...] = ()


def rotate(*, keys_kept: int = KEYS_KEPT) -> Rotated:
    """With a new key of our own, or with the first of SECRETS_KEYS where that is set.

    Killed on the way, it has lost nothing: the old keys go last.
    """
    if own_keys_in_use():
        begin_new_key()
    done = Rotated()
    for model, fields in sealed_columns():
        for pk in model._default_manager.order_by("pk").values_list("pk", flat=True):
            done.rows += _seal_again(model, fields, pk)
    for name in SiteSetting.objects.values_list("name", flat=True):
        _encrypt_again(name, done)
    if own_keys_in_use():
        forget_keys(keys_kept)
    return done


def sealed_columns() -> Iterator[tuple[type[models.Model], list[str]]]:
    """Every table with encrypted columns, and their names."""
    for model in apps.get_models():
        names = [field.name for field in model._meta.fields if isinstance(field, SealedSection)]
        if names:
            yield model, names


def _seal_again(model: type[models.Model], fields: list[str], pk: int) -> int:
    """Reading decrypts and writing encrypts. 0 where the row was deleted meanwhile."""
    with transaction.atomic():
        rows = model._default_manager.filter(pk=pk)
        values = rows.select_for_update().values(*fields).first()
        return rows.update(**values) if values else 0


def _encrypt_again(name: str, done: Rotated) -> None:
    with transaction.atomic():
        row = SiteSetting.objects.select_for_update().filter(name=name).first()
        if row is None:
            return
        try:
            encrypted = encrypt(decrypt(row.encrypted_value))
        except KeyLost:
            done.unreadable_settings += (name,)
            return
        SiteSetting.objects.filter(pk=row.pk).update(encrypted_value=encrypted)
        done.settings += 1
