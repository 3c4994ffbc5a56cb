"""What the stages said as short lists with rounded numbers: two thirds of the room; and no index that another one makes up for."""

from django.db import migrations, models

SHORTER = """
    UPDATE verdicts_prediction SET stages = (
        SELECT COALESCE(jsonb_agg(jsonb_build_array(
            stage -> 'stage',
            COALESCE(stage ->> 'model_version', ''),
            COALESCE(stage -> 'decided', 'false'),
            round(COALESCE(stage ->> 'threshold', '0')::numeric, 4),
            (
                SELECT COALESCE(jsonb_agg(part ORDER BY place, half), '[]')
                FROM jsonb_array_elements(COALESCE(stage -> 'top', '[]')) WITH ORDINALITY AS tops (pair, place),
                LATERAL (VALUES (1, pair -> 0), (2, to_jsonb(round((pair ->> 1)::numeric, 4)))) AS halves (half, part)
            )
        ) ORDER BY number), '[]')
        FROM jsonb_array_elements(stages) WITH ORDINALITY AS entries (stage, number)
    )
    WHERE jsonb_typeof(stages -> 0) = 'object'
"""
LONGER = """
    UPDATE verdicts_prediction SET stages = (
        SELECT COALESCE(jsonb_agg(jsonb_build_object(
            'stage', entry -> 0, 'model_version', entry -> 1, 'decided', entry -> 2, 'threshold', entry -> 3,
            'top', (
                SELECT COALESCE(jsonb_agg(jsonb_build_array(part, entry -> 4 -> place::int) ORDER BY place), '[]')
                FROM jsonb_array_elements(entry -> 4) WITH ORDINALITY AS parts (part, place)
                WHERE place % 2 = 1
            )
        ) ORDER BY number), '[]')
        FROM jsonb_array_elements(stages) WITH ORDINALITY AS entries (entry, number)
    )
    WHERE jsonb_typeof(stages -> 0) = 'array'
"""


class Migration(migrations.Migration):
    dependencies = [("verdicts", "0001_initial")]
    operations = [
        migrations.RunSQL(SHORTER, LONGER),
        migrations.AlterField(
            "prediction",
            "stages",
            models.JSONField(
                default=list,
                help_text="Each stage that ran: [stage, model version, decided, threshold, [genre, probability, …]].",
            ),
        ),
        migrations.AlterField(
            "prediction",
            "track",
            models.ForeignKey(
                db_index=False,
                on_delete=models.deletion.CASCADE,
                related_name="predictions",
                to="library.track",
            ),
        ),
    ]
