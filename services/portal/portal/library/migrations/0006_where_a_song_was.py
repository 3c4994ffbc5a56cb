"""What tells that a song was moved, replaced or given a new key; two indexes that nothing asks go."""

import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("library", "0005_vector_precision"),)

    operations = (
        migrations.AddField(
            "library",
            "removed_time",
            models.DateTimeField(
                blank=True, null=True, help_text="When the server no longer had it; its songs are kept."
            ),
        ),
        migrations.AddField(
            "track",
            "size_bytes",
            models.BigIntegerField(default=0, help_text="0 where Plex does not say."),
        ),
        migrations.AddField(
            "track",
            "first_seen_time",
            models.DateTimeField(
                default=django.utils.timezone.now, help_text="When a sync first saw it."
            ),
        ),
        migrations.AlterField(
            "track",
            "last_synced",
            models.DateTimeField(
                blank=True,
                null=True,
                help_text="When its full metadata was read; empty where it has to be.",
            ),
        ),
        migrations.AlterField("track", "guid", models.CharField(blank=True, max_length=300)),
        migrations.AlterField(
            "track", "file", models.TextField(blank=True, help_text="Path as the Plex server names it.")
        ),
    )
