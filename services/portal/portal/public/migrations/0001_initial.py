"""The table of songs of public tables."""

import pgvector.django.vector
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('library', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='PublicSong',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('table', models.CharField(max_length=20)),
                ('key', models.CharField(help_text='Its number in the table.', max_length=50)),
                ('artist', models.CharField(blank=True, max_length=1000)),
                ('tag', models.CharField(help_text='Its genre as the table names it.', max_length=200)),
                ('version', models.CharField(help_text='The feature version of the values.', max_length=200)),
                ('values', pgvector.django.vector.VectorField()),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('table', 'key'), name='public_song_once')],
            },
        ),
        # Every vector inside its row, as those of the library.
        migrations.RunSQL("ALTER TABLE public_publicsong SET (toast_tuple_target = 8160)", migrations.RunSQL.noop),
    ]
