"""The genres and aliases that a new system begins with."""

from django.db import migrations

from portal.genres.seeds import plant


def forwards(apps, schema_editor):
    plant(apps.get_model("genres", "Genre"), apps.get_model("genres", "Alias"))


class Migration(migrations.Migration):
    dependencies = [("genres", "0001_initial")]
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
