"""Rows whose genre random weights decided."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ledger", "0004_write_test_id")]
    operations = [
        migrations.AddField(
            "writerow",
            "random_weights",
            models.BooleanField(
                default=False, db_default=False, help_text="Decided by a model for trials: it means nothing."
            ),
        ),
    ]
