"""All genres that a song's tags name. What was read before is read again where it may name several."""

import django.contrib.postgres.fields
from django.db import migrations, models

# The next sync asks Plex for these in full, a hundred at a time.
SEVERAL = r"""
    UPDATE library_track SET last_synced = NULL
    WHERE cardinality(plex_genres) > 1 OR plex_genres[1] ~* '[;|,/\\&+]|\sand\s'
"""


class Migration(migrations.Migration):
    dependencies = [("library", "0010_fma_native")]
    operations = [
        migrations.AddField(
            "track",
            "tag_also",
            django.contrib.postgres.fields.ArrayField(
                base_field=models.BigIntegerField(),
                blank=True,
                default=list,
                db_default=[],
                help_text="Further genres that these tags name; the song counts for each of them.",
                size=None,
            ),
        ),
        migrations.RunSQL(SEVERAL, migrations.RunSQL.noop),
    ]
