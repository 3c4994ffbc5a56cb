"""Spellings of the public FMA table that the first aliases did not have."""

from django.db import migrations

from portal.genres.seeds import plant


def forwards(apps, schema_editor):
    plant(apps.get_model("genres", "Genre"), apps.get_model("genres", "Alias"))


class Migration(migrations.Migration):
    dependencies = [("genres", "0002_seeds")]
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
