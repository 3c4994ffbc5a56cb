"""Tags to ignore; and spellings in which a separator stays, for "Folk, Rock" is not "Folk Rock"."""

from django.db import migrations, models
from django.db.models.functions import Cast, Concat

from portal.genres.spelling import normalised

# The next sync asks Plex for these in full, a hundred at a time, and reads their tags by the new rule.
WITH_SEPARATORS = r"""
    UPDATE library_track SET last_synced = NULL
    WHERE EXISTS (SELECT FROM unnest(plex_genres) AS tag WHERE tag ~* '[^[:alnum:] ]|\sand\s')
"""


def forwards(apps, schema_editor):
    Alias = apps.get_model("genres", "Alias")
    longest = Alias._meta.get_field("normalised").max_length
    kept = {}
    for alias in Alias.objects.order_by("pk"):
        alias.normalised = normalised(alias.spelling)
        if len(alias.normalised) <= longest:
            kept.setdefault(alias.normalised, alias)
    # The new form tells more apart than the one before, but for separators that were none: of two spellings that become
    # one ("A•B" and "A;B") the first stays.
    Alias.objects.exclude(pk__in=[alias.pk for alias in kept.values()]).delete()
    # Not in one step: one spelling may get the form that another one has until then.
    Alias.objects.update(normalised=Concat(models.Value("~"), Cast("pk", models.CharField())))
    Alias.objects.bulk_update(kept.values(), ["normalised"], batch_size=500)
    # It was found by its letters alone before.
    folk = apps.get_model("genres", "Genre").objects.filter(name="Folk").first()
    if folk is not None:
        spelling = "Singer/Songwriter"
        Alias.objects.get_or_create(
            normalised=normalised(spelling), defaults={"spelling": spelling, "genre": folk}
        )


class Migration(migrations.Migration):
    dependencies = [("genres", "0003_fma_spellings"), ("library", "0011_tag_also")]
    operations = [
        migrations.CreateModel(
            name="IgnoredTag",
            fields=[
                (
                    "id",
                    models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                ),
                (
                    "tag",
                    models.CharField(help_text="As it stands in tags, for example Favourites.", max_length=200),
                ),
                ("normalised", models.CharField(editable=False, max_length=200, unique=True)),
            ],
            options={"ordering": ("tag",)},
        ),
        migrations.RunPython(forwards, migrations.RunPython.noop),
        migrations.RunSQL(WITH_SEPARATORS, migrations.RunSQL.noop),
    ]
