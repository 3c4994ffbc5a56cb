"""What stood in Plex before a write test is kept until it was put back, whatever dies meanwhile."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("ledger", "0002_attempted_time"), ("library", "0007_audio_by_length"))

    operations = (
        migrations.CreateModel(
            "WriteTest",
            (
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False)),
                ("rating_key", models.CharField(max_length=50)),
                (
                    "before_genres",
                    django.contrib.postgres.fields.ArrayField(models.TextField(), default=list, size=None),
                ),
                ("before_locked", models.BooleanField()),
                ("begun_time", models.DateTimeField(auto_now_add=True)),
                ("restored_time", models.DateTimeField(blank=True, null=True)),
                (
                    "track",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="library.track"
                    ),
                ),
            ),
        ),
    )
