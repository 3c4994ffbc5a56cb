"""The tables of votes of tags and of first guesses, and the votes that a new system begins with."""

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

from portal.first_guess.seeds import plant


def forwards(apps, schema_editor):
    plant(apps.get_model("first_guess", "TagVote"), apps.get_model("genres", "Genre"))


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('genres', '0002_marks_that_are_letters'),
        ('library', '0002_embeddings'),
    ]

    operations = [
        migrations.CreateModel(
            name='GuessBasis',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.CharField(max_length=64)),
                ('recordings', models.PositiveIntegerField(help_text='Whose tags were read.')),
                ('made_time', models.DateTimeField(auto_now=True)),
            ],
            options={
                'verbose_name_plural': 'guess bases',
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='FirstGuess',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('share', models.FloatField(help_text="Of all genres' evidence. No probability that the genre is right.")),
                ('genre', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='first_guesses', to='genres.genre')),
                ('track', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='first_guess', to='library.track')),
            ],
            options={
                'verbose_name_plural': 'first guesses',
            },
        ),
        migrations.CreateModel(
            name='TagVote',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('tag', models.CharField(help_text='As the embedding calls it, for example Hip-Hop.', max_length=100)),
                ('weight', models.FloatField(default=1.0, help_text='How much it counts, from 0.01 to 10. A genre whose weights add up to more is guessed more often.', validators=[django.core.validators.MinValueValidator(0.01), django.core.validators.MaxValueValidator(10.0)])),
                ('genre', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='tag_votes', to='genres.genre')),
            ],
            options={
                'ordering': ('genre__name', '-weight', 'tag'),
                'constraints': [models.UniqueConstraint(fields=('tag', 'genre'), name='tag_votes_once_for_genre', violation_error_message='This tag votes for this genre already: change its weight there.'), models.CheckConstraint(condition=models.Q(('weight__gt', 0)), name='tag_vote_weighs')],
            },
        ),
        migrations.RunPython(forwards, migrations.RunPython.noop),
    ]
