"""What a search looks at is folded as people read it, and has the tags and the paths of other versions in it."""

import django.db.models.functions.text
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
LINE = models.Value("\n")


class Migration(migrations.Migration):
    dependencies = [
        ("library", "0012_other_versions"),
    ]

    operations = [
        # A generated field cannot be changed, only made anew.
        migrations.RemoveField(model_name="track", name="search_text"),
        migrations.RunSQL(
            [FOLDED, LINES], ["DROP FUNCTION reclass_folded(text)", "DROP FUNCTION reclass_lines(text[])"]
        ),
        migrations.AddField(
            model_name="track",
            name="search_text",
            field=models.GeneratedField(
                db_persist=True,
                expression=portal.library.models.Folded(
                    django.db.models.functions.text.Concat(
                        "title", LINE, "artist", LINE, "album", LINE, "file", LINE,
                        portal.library.models.Lines("other_files"), LINE,
                        portal.library.models.Lines("plex_genres"), LINE,
                        portal.library.models.Lines("file_genres"),
                        output_field=models.TextField(),
                    )
                ),
                help_text="What a search looks at, without case and accents; PostgreSQL makes it.",
                output_field=models.TextField(),
            ),
        ),
    ]
