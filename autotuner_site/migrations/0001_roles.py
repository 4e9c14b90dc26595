"""Accounts that were made before there were roles keep what they could do.

Superusers are administrators by what they are. All others become operators; those of the staff
may go on changing the site's settings. No account is given more than it had.
"""

from typing import Any

from django.db import migrations


def give_roles(apps: Any, schema_editor: Any) -> None:
    user_model = apps.get_model("auth", "User")
    accounts = user_model.objects.filter(is_superuser=False)
    if not accounts.exists():
        return
    operators, _made = apps.get_model("auth", "Group").objects.get_or_create(name="operator")
    kind, _made = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
        app_label="experiments_app", model="sitesetting"
    )
    settings, _made = apps.get_model("auth", "Permission").objects.get_or_create(
        content_type=kind,
        codename="change_sitesetting",
        defaults={"name": "Can change site setting"},
    )
    for account in accounts:
        account.groups.add(operators)
        if account.is_staff:
            account.user_permissions.add(settings)


class Migration(migrations.Migration):
    dependencies = (
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    )
    operations = (migrations.RunPython(give_roles, migrations.RunPython.noop),)
