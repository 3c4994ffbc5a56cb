"""The tables of predictions, decisions, overrides, judgements and readings."""

import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('genres', '0001_initial'),
        ('library', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Override',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('note', models.CharField(blank=True, max_length=500)),
                ('created_time', models.DateTimeField(auto_now=True)),
                ('by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to=settings.AUTH_USER_MODEL)),
                ('genre', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='overrides', to='genres.genre')),
                ('track', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='override', to='library.track')),
            ],
        ),
        migrations.CreateModel(
            name='Decision',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('confidence', models.FloatField(default=0.0, help_text='Probability that the genre is right, by the lower end of what is known of tags.')),
                ('confidence_mean', models.FloatField(default=0.0, help_text='The same by the middle.')),
                ('confidence_high', models.FloatField(default=0.0, help_text='The same by the upper end.')),
                ('kind', models.CharField(choices=[('none', 'Its tags name it'), ('fill', 'Fill'), ('correction', 'Correction')], default='none', max_length=10)),
                ('tag_probability', models.FloatField(default=0.0, help_text="Probability that a genre of the song's own tags is right.")),
                ('parts', models.JSONField(default=list, help_text='What was known after each source, in order: [source, genre, probability].')),
                ('model', models.CharField(blank=True, help_text='The model that was asked, by its name.', max_length=100)),
                ('prediction', models.BigIntegerField(help_text='Id of the prediction whose sound it rests on.')),
                ('artist_group', models.UUIDField(help_text='Digest of the artist, or the album, whose songs were decided together.')),
                ('evidence', models.UUIDField(help_text='Digest of all that was known of the song itself.')),
                ('basis', models.UUIDField(db_default=uuid.UUID('00000000-0000-0000-0000-000000000000'), default=uuid.UUID('00000000-0000-0000-0000-000000000000'), help_text='Digest of the model in service, the sources, and the names of genres.')),
                ('judged', models.UUIDField(db_default=uuid.UUID('00000000-0000-0000-0000-000000000000'), default=uuid.UUID('00000000-0000-0000-0000-000000000000'), help_text='Digest of what people had judged.')),
                ('decided_time', models.DateTimeField()),
                ('genre', models.ForeignKey(help_text='Empty where nothing is known that the model in service can use: another model classified the song.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='genres.genre')),
                ('track', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='decision', to='library.track')),
            ],
            options={
                'indexes': [models.Index(fields=['basis', 'judged'], name='decision_by_what_holds')],
            },
        ),
        migrations.CreateModel(
            name='Prediction',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('confidence', models.FloatField(help_text='Calibrated probability that the genre is right.')),
                ('model_version', models.CharField(max_length=100)),
                ('deciding_stage', models.PositiveSmallIntegerField()),
                ('out_of_fold', models.BooleanField(default=False, help_text='Said by a model without this artist in its training, for the song was in the training.')),
                ('suspected_label_error', models.BooleanField(default=False, help_text='The tag looks wrong, by the prediction out of fold.')),
                ('outcome', models.CharField(blank=True, db_default='', help_text='What the vote came to: classified, provisional or out_of_distribution. Empty where nobody kept it.', max_length=20)),
                ('random_weights', models.BooleanField(db_default=False, default=False, help_text='Decided from vectors that random weights made, for trials: it means nothing.')),
                ('provisional_reason', models.TextField(blank=True)),
                ('stages', models.JSONField(default=list, help_text='Each stage that ran: [stage, model version, decided, threshold, [genre, probability, …]].')),
                ('sound', models.BinaryField(db_default=b'', default=b'', help_text="The deciding stage's probabilities of all genres, as inference said them. Empty where it did not.")),
                ('current', models.BooleanField(default=True)),
                ('created_time', models.DateTimeField(auto_now_add=True)),
                ('genre', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='predictions', to='genres.genre')),
                ('track', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='predictions', to='library.track')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('track', 'model_version'), name='prediction_once_per_version'), models.UniqueConstraint(condition=models.Q(('current', True)), fields=('track',), name='prediction_one_current')],
            },
        ),
        migrations.CreateModel(
            name='Reading',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('mark', models.UUIDField(help_text='Digest of the model and of all judgements.', unique=True)),
                ('model', models.CharField(blank=True, max_length=100)),
                ('judgements', models.PositiveIntegerField()),
                ('judged_songs', models.PositiveIntegerField()),
                ('contradiction_rate', models.FloatField(help_text='Tags that contradict the model beyond its own doubt.')),
                ('wrong_share', models.FloatField(help_text='Of these, the wrong tags.')),
                ('wrong_share_low', models.FloatField()),
                ('wrong_share_high', models.FloatField()),
                ('slip_rate', models.FloatField(help_text='Songs of another genre where sound and tags agree.')),
                ('promise_threshold', models.FloatField(help_text='Confidence by sound from which on 95 % are right; none: that cannot be promised.', null=True)),
                ('promise_coverage', models.FloatField(default=0.0, help_text='Of all songs, those that reach it.')),
                ('promise_accuracy_low', models.FloatField(default=0.0, help_text='Of these, at least so many are right.')),
                ('calibration_error', models.FloatField(default=0.0)),
                ('overconfidence', models.FloatField(default=0.0, help_text='How far confidences are too high on the mean.')),
                ('created_time', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'ordering': ('pk',),
            },
        ),
        migrations.CreateModel(
            name='Judgement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('genres', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), blank=True, default=list, help_text='The genres that are right; none: none of ours.', size=None)),
                ('kind', models.CharField(choices=[('disagreement', 'Its sound and its tags say different genres'), ('agreement', 'Its sound and its tags say the same'), ('album', 'It stands on the album of a song that was asked about')], max_length=20)),
                ('stratum', models.CharField(blank=True, help_text='Confidence that it was asked about at, in words; empty where only its album was asked about.', max_length=20)),
                ('act', models.CharField(blank=True, help_text='Songs that were judged at once, such as an album, have one name.', max_length=200)),
                ('created_time', models.DateTimeField(auto_now_add=True)),
                ('by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to=settings.AUTH_USER_MODEL)),
                ('track', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='judgement', to='library.track')),
            ],
        ),
    ]
