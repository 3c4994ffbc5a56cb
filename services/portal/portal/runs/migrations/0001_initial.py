"""The tables of runs and of their songs."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('ledger', '0001_initial'),
        ('library', '0001_initial'),
        ('registry', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Run',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('sync', 'Sync'), ('extract', 'Analyse'), ('classify', 'Classify'), ('decide', 'Decide'), ('train', 'Train'), ('promote', 'Promote'), ('plan', 'Dry run'), ('push', 'Apply'), ('rollback', 'Roll back')], max_length=20)),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('running', 'Running'), ('stopping', 'Stopping'), ('done', 'Done'), ('stopped', 'Stopped'), ('failed', 'Failed')], default='waiting', max_length=20)),
                ('request_id', models.CharField(max_length=64)),
                ('message', models.TextField(blank=True, help_text='What happened, and what to do.')),
                ('arguments', models.JSONField(default=dict, help_text='What was asked for, by name.')),
                ('result', models.JSONField(default=dict, help_text='What its work keeps for itself, by name.')),
                ('songs_selected', models.BooleanField(default=False, help_text='All of its songs are known; it ends when none of them is pending.')),
                ('song_count', models.PositiveIntegerField(default=0, help_text='Songs that were selected for it.')),
                ('done_count', models.PositiveIntegerField(default=0)),
                ('skipped_count', models.PositiveIntegerField(default=0)),
                ('failed_count', models.PositiveIntegerField(default=0)),
                ('progress', models.FloatField(default=0, help_text='0 to 1, for runs that are not counted in songs.')),
                ('step', models.CharField(blank=True, max_length=200)),
                ('created_time', models.DateTimeField(auto_now_add=True)),
                ('started_time', models.DateTimeField(blank=True, null=True)),
                ('finished_time', models.DateTimeField(blank=True, null=True)),
                ('batch', models.ForeignKey(help_text='That it makes or works on.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='runs', to='ledger.writebatch')),
                ('followed_by', models.ForeignKey(help_text='The run that was to come after it.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='runs.run')),
                ('model', models.ForeignKey(help_text='That it made, or put into service.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='runs', to='registry.trainedmodel')),
            ],
            options={
                'ordering': ('-created_time',),
            },
        ),
        migrations.CreateModel(
            name='RunSong',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('pending', 'Pending'), ('done', 'Done'), ('skipped', 'Skipped'), ('failed', 'Failed')], default='pending', max_length=10)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('message', models.TextField(blank=True)),
                ('run', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='songs', to='runs.run')),
                ('track', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='library.track')),
            ],
        ),
        migrations.CreateModel(
            name='UnknownTag',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('tag', models.TextField()),
                ('songs', models.PositiveIntegerField()),
                ('example', models.TextField(help_text='One of these songs.')),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='unknown_tags', to='runs.run')),
            ],
            options={
                'ordering': ('run', '-songs', 'tag'),
            },
        ),
        migrations.AddConstraint(
            model_name='run',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ('waiting', 'running', 'stopping'))), fields=('kind',), name='run_one_of_a_kind'),
        ),
        migrations.AddIndex(
            model_name='runsong',
            index=models.Index(fields=['run', 'state'], name='runs_runson_run_id_b78adf_idx'),
        ),
        migrations.AddIndex(
            model_name='runsong',
            index=models.Index(condition=models.Q(('attempts__gt', 0), ('state', 'pending')), fields=['run'], name='run_song_to_try_again'),
        ),
        migrations.AddConstraint(
            model_name='runsong',
            constraint=models.UniqueConstraint(fields=('run', 'track'), name='run_song_once'),
        ),
    ]
