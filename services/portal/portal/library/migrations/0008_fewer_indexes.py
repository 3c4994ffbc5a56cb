"""Indexes that nothing asks, or that another one covers, go: each of them costs at every write of 100,000 songs."""

import django.db.models.deletion
from django.db import migrations, models

ANALYSIS = [
    ("pending", "Pending"),
    ("heard", "Heard"),
    ("classified", "Classified"),
    ("provisional", "Provisional"),
    ("unsure", "Unsure"),
    ("failed", "Failed"),
    ("skipped", "Skipped"),
]
IN_PLEX = [
    ("untouched", "Untouched"),
    ("planned", "Planned"),
    ("written", "Written"),
    ("rolled back", "Rolled back"),
    ("conflict", "Conflict"),
    ("excluded", "Excluded"),
]


class Migration(migrations.Migration):
    dependencies = (("library", "0007_audio_by_length"),)

    operations = (
        migrations.AlterField(
            "track", "analysis", models.CharField(choices=ANALYSIS, default="pending", max_length=20)
        ),
        migrations.AlterField(
            "track", "in_plex", models.CharField(choices=IN_PLEX, default="untouched", max_length=20)
        ),
        migrations.AlterField(
            "track",
            "library",
            models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="tracks",
                to="library.library",
            ),
        ),
        migrations.AddIndex("track", models.Index(fields=["analysis"], name="track_by_analysis")),
        migrations.AddIndex("track", models.Index(fields=["in_plex"], name="track_by_in_plex")),
    )
