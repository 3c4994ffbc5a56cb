"""The tables of libraries, songs and audio, with what PostgreSQL must have for them first."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
import pgvector.django
import pgvector.django.halfvec
import pgvector.django.vector
import portal.library.models
from django.db import migrations, models


# Core PostgreSQL alone: not every server has the extension `unaccent`. What a decomposition leaves as a letter of its
# own (ø, ł, ß) is spelled out, and so are typographic quotes and dashes. Text in ASCII, which most is, needs small
# letters alone and a tenth of the time.
FOLDED = r"""
CREATE FUNCTION reclass_folded(said text) RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
  IF octet_length(said) = length(said) THEN
    RETURN lower(said);
  END IF;
  RETURN translate(
    replace(replace(replace(replace(
      lower(regexp_replace(normalize(said, NFKD),
        '[\u0300-\u036F\u1AB0-\u1AFF\u1DC0-\u1DFF\u20D0-\u20FF\uFE20-\uFE2F]', '', 'g')),
      'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'), 'þ', 'th'),
    'øłđðħŧıς’‘“”‐‑–—', 'olddhtiσ''''""----');
END $$
"""  # noqa: RUF001 # these letters are meant
# array_to_string is no more than STABLE, for it takes arrays of anything; that of texts never changes.
LINES = r"""
CREATE FUNCTION reclass_lines(listed text[]) RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
  RETURN array_to_string(listed, E'\n');
END $$
"""
# pgvector's types are kept uncompressed (EXTERNAL), which is right for values that do not compress. What would move them
# out of their rows, to be fetched in pieces through an index, is the usual limit of 2 kB a row.
IN_ROW = "ALTER TABLE library_vector SET (toast_tuple_target = 8160)"


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('genres', '0001_initial'),
    ]

    operations = [
        pgvector.django.VectorExtension(),
        migrations.RunSQL([FOLDED, LINES], ["DROP FUNCTION reclass_folded(text)", "DROP FUNCTION reclass_lines(text[])"]),
        migrations.CreateModel(
            name='Audio',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('content_key', models.CharField(max_length=100, unique=True)),
                ('codec', models.CharField(blank=True, max_length=50)),
                ('sample_rate_hz', models.PositiveIntegerField(default=0)),
                ('channels', models.PositiveSmallIntegerField(default=0)),
                ('duration_seconds', models.FloatField(db_index=True, default=0)),
                ('extracted_time', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'verbose_name_plural': 'audio',
            },
        ),
        migrations.CreateModel(
            name='Library',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('server_id', models.CharField(help_text="Plex's machine identifier.", max_length=100)),
                ('key', models.CharField(max_length=50)),
                ('title', models.CharField(max_length=300)),
                ('last_synced', models.DateTimeField(blank=True, null=True)),
                ('removed_time', models.DateTimeField(blank=True, help_text='When the server no longer had it; its songs are kept.', null=True)),
            ],
            options={
                'verbose_name_plural': 'libraries',
                'constraints': [models.UniqueConstraint(fields=('server_id', 'key'), name='library_of_server')],
            },
        ),
        migrations.CreateModel(
            name='Track',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('rating_key', models.CharField(max_length=50)),
                ('guid', models.CharField(blank=True, max_length=300)),
                ('title', models.CharField(max_length=1000)),
                ('artist', models.CharField(blank=True, max_length=1000)),
                ('album_artist', models.CharField(blank=True, max_length=1000)),
                ('album', models.CharField(blank=True, max_length=1000)),
                ('year', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('duration_seconds', models.FloatField(default=0)),
                ('file', models.TextField(blank=True, help_text='Path as the Plex server names it.')),
                ('part_key', models.CharField(blank=True, help_text="Plex's address of the bytes; changes with the file.", max_length=500)),
                ('size_bytes', models.BigIntegerField(default=0, help_text='0 where Plex does not say.')),
                ('other_files', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), blank=True, db_default=[], default=list, help_text='Paths of its other versions, the best first; analysed where the first cannot be.', size=None)),
                ('added_time', models.DateTimeField(blank=True, null=True)),
                ('updated_time', models.DateTimeField(blank=True, null=True)),
                ('first_seen_time', models.DateTimeField(default=django.utils.timezone.now, help_text='When a sync first saw it.')),
                ('plex_genres', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), blank=True, default=list, help_text='As Plex has them now.', size=None)),
                ('plex_genres_locked', models.BooleanField(default=False)),
                ('file_genres', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), blank=True, default=list, help_text="In the file's own tags.", size=None)),
                ('additional_tag_genres', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), blank=True, db_default=[], default=list, help_text='Further genres that these tags name; the song counts for each of them.', size=None)),
                ('analysis', models.CharField(choices=[('pending', 'Pending'), ('extracted', 'Analysed'), ('classified', 'Classified'), ('provisional', 'Provisional'), ('out_of_distribution', 'Unfamiliar'), ('failed', 'Failed'), ('skipped', 'Skipped')], default='pending', max_length=20)),
                ('analysis_reason', models.CharField(blank=True, max_length=50)),
                ('analysis_message', models.TextField(blank=True)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('next_try_time', models.DateTimeField(blank=True, null=True)),
                ('in_plex', models.CharField(choices=[('untouched', 'Untouched'), ('planned', 'Planned'), ('written', 'Written'), ('rolled back', 'Rolled back'), ('conflict', 'Conflict'), ('excluded', 'Excluded')], default='untouched', max_length=20)),
                ('removed_time', models.DateTimeField(blank=True, help_text='When Plex no longer had it.', null=True)),
                ('last_synced', models.DateTimeField(blank=True, help_text='When its full metadata was read; empty where it has to be.', null=True)),
                ('search_text', models.GeneratedField(db_persist=True, expression=portal.library.models.Folded(django.db.models.functions.text.Concat('title', models.Value('\n'), 'artist', models.Value('\n'), 'album', models.Value('\n'), 'file', models.Value('\n'), portal.library.models.Lines('other_files'), models.Value('\n'), portal.library.models.Lines('plex_genres'), models.Value('\n'), portal.library.models.Lines('file_genres'), output_field=models.TextField())), help_text='What a search looks at, without case and accents; PostgreSQL makes it.', output_field=models.TextField())),
                ('audio', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='tracks', to='library.audio')),
                ('library', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='tracks', to='library.library')),
                ('tag_genre', models.ForeignKey(blank=True, help_text='What the tags say, as they were before we wrote; through the aliases.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='genres.genre')),
            ],
            options={
                'verbose_name': 'song',
                'ordering': ('artist', 'album', 'title'),
                'indexes': [models.Index(fields=['analysis'], name='track_by_analysis'), models.Index(fields=['in_plex'], name='track_by_in_plex'), models.Index(fields=['album'], name='track_by_album'), models.Index(models.F('artist'), models.F('album'), models.F('title'), models.OrderBy(models.F('id'), descending=True), condition=models.Q(('removed_time', None)), name='track_in_order_of_the_list')],
                'constraints': [models.UniqueConstraint(fields=('library', 'rating_key'), name='track_of_library')],
            },
        ),
        migrations.CreateModel(
            name='Vector',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('fma', 'FMA'), ('mert', 'MERT'), ('jmla', 'JMLA'), ('fma-native', 'FMA native')], max_length=10)),
                ('version', models.CharField(max_length=200)),
                ('values', pgvector.django.vector.VectorField(help_text="In full precision, for kinds whose numbers are a reference's.", null=True)),
                ('half_values', pgvector.django.halfvec.HalfVectorField(help_text='In half precision, for embeddings.', null=True)),
                ('created_time', models.DateTimeField(auto_now_add=True)),
                ('audio', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='vectors', to='library.audio')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('audio', 'kind', 'version'), name='vector_of_audio_once'), models.CheckConstraint(condition=models.Q(models.Q(('half_values__isnull', False), ('values', None)), models.Q(('half_values', None), ('values__isnull', False)), _connector='OR'), name='vector_in_one_precision')],
            },
        ),
        migrations.RunSQL(IN_ROW, migrations.RunSQL.noop),
    ]
