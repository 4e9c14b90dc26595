from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("experiments_app", "0009_notifications"),)

    operations = (
        migrations.AddField(
            model_name="experiment",
            name="verification",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text=(
                    "Of a verification: what was promised, what was measured, and what differs."
                ),
            ),
        ),
        migrations.AddField(
            model_name="experiment",
            name="cancel_asked_at",
            field=models.DateTimeField(
                blank=True,
                help_text=(
                    "When somebody cancelled a verification; all else is cancelled with its task."
                ),
                null=True,
            ),
        ),
    )
