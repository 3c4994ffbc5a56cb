"""The tables of taught sets and of their songs."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('genres', '0001_initial'),
        ('library', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='TaughtSet',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('source', models.CharField(choices=[('folder', 'Folder'), ('playlist', 'Plex playlist'), ('collection', 'Plex collection'), ('selection', 'Chosen songs')], max_length=20)),
                ('title', models.CharField(help_text="The folder as Plex names it, or the list's title in Plex.", max_length=1000)),
                ('server_id', models.CharField(blank=True, help_text="Plex's machine identifier, of a list.", max_length=100)),
                ('list_key', models.CharField(blank=True, help_text="Plex's key of the playlist or collection.", max_length=50)),
                ('list_guid', models.CharField(blank=True, help_text="Plex's global id of the playlist or collection, which it keeps under another key.", max_length=300)),
                ('created_time', models.DateTimeField(default=django.utils.timezone.now)),
                ('read_time', models.DateTimeField(blank=True, help_text='When its songs were last looked up.', null=True)),
                ('trouble', models.TextField(blank=True, help_text='Why they could not be, the last time.')),
                ('suspended_time', models.DateTimeField(blank=True, help_text='When another list was found in place of its own. Until its own is back its songs are kept, and nothing is learned from them.', null=True, verbose_name='suspended since')),
                ('genre', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='taught_sets', to='genres.genre')),
            ],
            options={
                'ordering': ('genre__name', 'source', 'title'),
            },
        ),
        migrations.CreateModel(
            name='TaughtSong',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('taught_set', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='songs', to='teaching.taughtset')),
                ('track', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='taught', to='library.track')),
            ],
        ),
        migrations.AddConstraint(
            model_name='taughtset',
            constraint=models.UniqueConstraint(condition=models.Q(('list_key', '')), fields=('genre', 'source', 'title'), name='taught_set_once'),
        ),
        migrations.AddConstraint(
            model_name='taughtsong',
            constraint=models.UniqueConstraint(fields=('track', 'taught_set'), name='taught_song_once'),
        ),
    ]
