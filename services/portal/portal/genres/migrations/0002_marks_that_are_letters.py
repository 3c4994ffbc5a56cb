"""Spellings are compared with the marks that are letters, as those of kana: what is kept of them is made anew."""

from django.db import migrations

from portal.genres.spelling import normalised, spelled


def forwards(apps, schema_editor):
    for model, text, compared in (("Alias", "spelling", normalised), ("IgnoredTag", "tag", spelled)):
        _compare_anew(apps.get_model("genres", model), text, compared)


def _compare_anew(model, text, compared):
    """Of two rows that are the same now the older one stays."""
    taken = set(model.objects.values_list("normalised", flat=True))
    for row in model.objects.order_by("pk"):
        wanted = compared(getattr(row, text))
        if wanted == row.normalised:
            continue
        if wanted in taken:
            row.delete()
            continue
        taken = (taken - {row.normalised}) | {wanted}
        model.objects.filter(pk=row.pk).update(normalised=wanted)


class Migration(migrations.Migration):

    dependencies = [
        ("genres", "0001_initial"),
    ]

    operations = [
        migrations.RunPython(forwards, migrations.RunPython.noop),
    ]
