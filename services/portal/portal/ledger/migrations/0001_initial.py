"""The tables of batches, rows and write tests."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('library', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='WriteBatch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('planned', 'Planned (dry run)'), ('applying', 'Applying'), ('applied', 'Applied'), ('rolling back', 'Rolling back'), ('rolled back', 'Rolled back'), ('discarded', 'Discarded')], default='planned', max_length=20)),
                ('min_confidence', models.FloatField(help_text='Songs below this were left out, unless a person decided them.')),
                ('created_time', models.DateTimeField(auto_now_add=True)),
                ('applied_time', models.DateTimeField(blank=True, null=True)),
                ('rolled_back_time', models.DateTimeField(blank=True, null=True)),
                ('by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name_plural': 'write batches',
                'ordering': ('-created_time',),
            },
        ),
        migrations.CreateModel(
            name='WriteTest',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('rating_key', models.CharField(max_length=50)),
                ('before_genres', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), default=list, size=None)),
                ('before_locked', models.BooleanField()),
                ('begun_time', models.DateTimeField(auto_now_add=True)),
                ('restored_time', models.DateTimeField(blank=True, null=True)),
                ('track', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='library.track')),
            ],
        ),
        migrations.CreateModel(
            name='WriteRow',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('rating_key', models.CharField(max_length=50)),
                ('before_genres', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), default=list, size=None)),
                ('before_locked', models.BooleanField()),
                ('after_genres', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), default=list, size=None)),
                ('after_locked', models.BooleanField(default=True)),
                ('source', models.CharField(help_text='Where the genre is from: the AI, a person, or the tags.', max_length=20)),
                ('kind', models.CharField(choices=[('fill', 'Fill'), ('correction', 'Correction'), ('translation', 'Translation'), ('person', 'Set by a person')], max_length=20)),
                ('confidence', models.FloatField(blank=True, help_text='Probability that the genre is right, by the lower end of what is known.', null=True)),
                ('confidence_mean', models.FloatField(blank=True, null=True)),
                ('confidence_high', models.FloatField(blank=True, null=True)),
                ('tag_probability', models.FloatField(default=0.0, help_text='Probability that what is written over was right: of a correction alone.')),
                ('random_weights', models.BooleanField(db_default=False, default=False, help_text='Decided by a model for trials: it means nothing.')),
                ('state', models.CharField(choices=[('planned', 'Planned'), ('written', 'Written'), ('unchanged', 'Already so'), ('conflict', 'Changed in Plex since'), ('failed', 'Failed'), ('rolled back', 'Rolled back')], db_index=True, default='planned', max_length=20)),
                ('message', models.TextField(blank=True)),
                ('attempted_time', models.DateTimeField(blank=True, help_text='When the edit was begun; a crash may have hidden that it was done.', null=True)),
                ('written_time', models.DateTimeField(blank=True, null=True)),
                ('rolled_back_time', models.DateTimeField(blank=True, null=True)),
                ('batch', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='rows', to='ledger.writebatch')),
                ('track', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='writes', to='library.track')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('batch', 'track'), name='write_row_once')],
            },
        ),
    ]
