"""The tables of registry."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='TrainedModel',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100, unique=True)),
                ('state', models.CharField(choices=[('candidate', 'Candidate'), ('in service', 'In service'), ('retired', 'Retired')], max_length=20)),
                ('heads', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), help_text='By stage from the first, for example genre_fma/7.', size=None)),
                ('feature_versions', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None)),
                ('genres', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None)),
                ('song_count', models.PositiveIntegerField()),
                ('group_count', models.PositiveIntegerField(help_text='Artists of these songs.')),
                ('cut_links', models.PositiveIntegerField(db_default=0, default=0, help_text='Links between groups of artists that no split could keep on one side.')),
                ('training_digest', models.CharField(max_length=200)),
                ('random_weights', models.BooleanField(help_text='It has learned from vectors that random weights made: its verdicts mean nothing.')),
                ('created_time', models.DateTimeField()),
                ('promoted_time', models.DateTimeField(help_text='When it was last put into service.', null=True)),
                ('promoted_by', models.CharField(blank=True, help_text='Who did that; empty where another program did.', max_length=150)),
                ('is_rollback_target', models.BooleanField(help_text='A rollback would put it back.')),
                ('held_out_songs', models.PositiveIntegerField(help_text='Songs of artists that were not in training, on which its stages were evaluated together.', null=True)),
                ('held_out_accuracy', models.FloatField(null=True)),
                ('held_out_accuracy_low', models.FloatField(help_text='Of the 95 % interval.', null=True)),
                ('held_out_accuracy_high', models.FloatField(null=True)),
                ('compared_with', models.CharField(blank=True, help_text='The model in service when it was trained.', max_length=100)),
                ('compared_accuracy', models.FloatField(help_text='Of the other model, on the same songs.', null=True)),
                ('comparison', models.TextField(blank=True, help_text='What the comparison came to.')),
            ],
            options={
                'verbose_name': 'model',
                'ordering': ('-created_time',),
                'default_permissions': ('view', 'change'),
            },
        ),
        migrations.CreateModel(
            name='ModelStage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('stage', models.PositiveSmallIntegerField()),
                ('model_version', models.CharField(help_text='Its head, for example genre_fma/7.', max_length=100)),
                ('feature_versions', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None)),
                ('held_out_songs', models.PositiveIntegerField()),
                ('held_out_accuracy', models.FloatField()),
                ('held_out_accuracy_low', models.FloatField()),
                ('held_out_accuracy_high', models.FloatField()),
                ('held_out_macro_f1', models.FloatField()),
                ('majority_baseline_accuracy', models.FloatField()),
                ('calibration_error_before', models.FloatField()),
                ('calibration_error_after', models.FloatField()),
                ('model', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='stages', to='registry.trainedmodel')),
            ],
            options={
                'ordering': ('model', 'stage'),
            },
        ),
        migrations.CreateModel(
            name='ModelGenre',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('genre', models.CharField(max_length=100)),
                ('songs', models.PositiveIntegerField(help_text='Held-out songs of this genre.')),
                ('precision', models.FloatField(help_text='Of the songs that it says are of it, so many are.')),
                ('recall', models.FloatField(help_text='Of its songs, it says of so many that they are of it.')),
                ('stage', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='genres', to='registry.modelstage')),
            ],
            options={
                'ordering': ('stage', 'pk'),
                'constraints': [models.UniqueConstraint(fields=('stage', 'genre'), name='genre_of_stage')],
            },
        ),
        migrations.AddConstraint(
            model_name='modelstage',
            constraint=models.UniqueConstraint(fields=('model', 'stage'), name='stage_of_model'),
        ),
    ]
