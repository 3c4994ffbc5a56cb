"""Audio is looked up by its length, to know a file that was only moved or copied."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("library", "0006_where_a_song_was"),)

    operations = (
        migrations.AlterField("audio", "duration_seconds", models.FloatField(db_index=True, default=0)),
    )
