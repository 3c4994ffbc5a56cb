"""The tables of genres and aliases, and those that a new system begins with."""

import django.db.models.deletion
import django.db.models.functions.text
from django.db import migrations, models

from portal.genres.seeds import plant


def forwards(apps, schema_editor):
    plant(apps.get_model("genres", "Genre"), apps.get_model("genres", "Alias"))


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='IgnoredTag',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('tag', models.CharField(help_text='As it stands in tags, for example Favourites.', max_length=200)),
                ('normalised', models.CharField(editable=False, max_length=200, unique=True)),
            ],
            options={
                'ordering': ('tag',),
            },
        ),
        migrations.CreateModel(
            name='Genre',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='As it is written to Plex.', max_length=100, unique=True)),
                ('custom', models.BooleanField(default=False, help_text='Taught by the owner; public data sets do not know it.')),
                ('retired', models.BooleanField(default=False, help_text='Neither learned nor written any more.')),
                ('description', models.TextField(blank=True)),
            ],
            options={
                'ordering': ('name',),
                'constraints': [models.UniqueConstraint(django.db.models.functions.text.Lower('name'), name='genre_name_any_case')],
            },
        ),
        migrations.CreateModel(
            name='Alias',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('spelling', models.CharField(help_text='As it stands in tags, for example Hip-Hop/Rap.', max_length=200)),
                ('normalised', models.CharField(editable=False, max_length=200, unique=True)),
                ('genre', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='aliases', to='genres.genre')),
            ],
            options={
                'verbose_name_plural': 'aliases',
                'ordering': ('spelling',),
            },
        ),
        migrations.RunPython(forwards, migrations.RunPython.noop),
    ]
