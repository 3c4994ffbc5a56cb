"""Runs count their songs themselves; a song that is done needs no row."""

from django.db import migrations, models

COUNT = """
UPDATE runs_run SET song_count = c.songs, done_count = c.done, skipped_count = c.skipped, failed_count = c.failed
FROM (
  SELECT run_id, count(*) AS songs, count(*) FILTER (WHERE state = 'done') AS done,
    count(*) FILTER (WHERE state = 'skipped') AS skipped, count(*) FILTER (WHERE state = 'failed') AS failed
  FROM runs_runsong GROUP BY run_id
) AS c WHERE c.run_id = runs_run.id
"""
CLEAR = """
DELETE FROM runs_runsong USING runs_run AS r WHERE r.id = run_id AND (
  runs_runsong.state = 'done' OR (runs_runsong.state = 'pending' AND attempts = 0 AND r.finished_time IS NOT NULL))
"""


class Migration(migrations.Migration):
    dependencies = (("runs", "0002_plans"),)

    operations = (
        migrations.AddField("run", "song_count", models.PositiveIntegerField(default=0, help_text="Songs that it was laid out for.")),
        migrations.AddField("run", "done_count", models.PositiveIntegerField(default=0)),
        migrations.AddField("run", "skipped_count", models.PositiveIntegerField(default=0)),
        migrations.AddField("run", "failed_count", models.PositiveIntegerField(default=0)),
        migrations.AddIndex(
            "runsong",
            models.Index(condition=models.Q(("attempts__gt", 0), ("state", "pending")), fields=["run"], name="run_song_to_try_again"),
        ),
        migrations.RunSQL(COUNT, migrations.RunSQL.noop),
        migrations.RunSQL(CLEAR, migrations.RunSQL.noop),
    )
