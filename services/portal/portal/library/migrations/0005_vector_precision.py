"""Embeddings in half precision, and every vector inside its row: smaller, and read without a second look-up."""

import pgvector.django
from django.db import migrations, models
from django.db.models import Q

# pgvector's types are kept uncompressed (EXTERNAL) already, which is right for values that do not compress. What moves
# them out of their rows, to be fetched in pieces through an index, is the usual limit of 2 kB a row.
IN_ROW = "ALTER TABLE library_vector SET (toast_tuple_target = 8160)"
AS_BEFORE = "ALTER TABLE library_vector RESET (toast_tuple_target)"
# The cast through an array makes values that lie outside their rows anew, inside them.
CARRY_OVER = """
    UPDATE library_vector SET
        half_values = CASE WHEN kind <> 'fma' THEN "values"::halfvec END,
        "values" = CASE WHEN kind = 'fma' THEN ("values"::real[])::vector END
"""
CARRY_BACK = """UPDATE library_vector SET "values" = half_values::vector WHERE "values" IS NULL"""


class Migration(migrations.Migration):
    # PostgreSQL alters no table that has changed rows in the same transaction, where deferred checks wait for its end.
    dependencies = [("library", "0004_song")]
    operations = [
        migrations.RunSQL(IN_ROW, AS_BEFORE),
        migrations.AlterField(
            "vector",
            "audio",
            models.ForeignKey(
                db_index=False,
                on_delete=models.deletion.CASCADE,
                related_name="vectors",
                to="library.audio",
            ),
        ),
        migrations.AlterField(
            "vector",
            "values",
            pgvector.django.VectorField(
                help_text="In full precision, for kinds whose numbers are a reference's.", null=True
            ),
        ),
        migrations.AddField(
            "vector",
            "half_values",
            pgvector.django.HalfVectorField(help_text="In half precision, for embeddings.", null=True),
        ),
        migrations.RunSQL(CARRY_OVER, CARRY_BACK),
        migrations.AddConstraint(
            "vector",
            models.CheckConstraint(
                condition=Q(values=None, half_values__isnull=False) | Q(values__isnull=False, half_values=None),
                name="vector_in_one_precision",
            ),
        ),
    ]
