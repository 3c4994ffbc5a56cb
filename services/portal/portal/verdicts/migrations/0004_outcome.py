"""What a vote came to, and whether random weights had the last word in it."""

from django.db import migrations, models

# Of what was said out of fold nobody kept it: the next dry run or classification asks inference again.
KNOWN = """
    UPDATE verdicts_prediction SET outcome = t.analysis FROM library_track t
    WHERE t.id = track_id AND current AND NOT out_of_fold AND t.analysis IN ('classified', 'provisional', 'unsure')
"""


class Migration(migrations.Migration):
    dependencies = [("verdicts", "0003_models"), ("library", "0011_tag_also")]
    operations = [
        migrations.AddField(
            "prediction",
            "outcome",
            models.CharField(
                max_length=20,
                blank=True,
                db_default="",
                help_text="What the vote came to: classified, provisional or unsure. Empty where nobody kept it.",
            ),
        ),
        migrations.AddField(
            "prediction",
            "random_weights",
            models.BooleanField(
                default=False,
                db_default=False,
                help_text="Judged from vectors that random weights made, for trials: it means nothing.",
            ),
        ),
        migrations.RunSQL(KNOWN, migrations.RunSQL.noop),
    ]
