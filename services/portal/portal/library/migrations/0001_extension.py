"""pgvector must be there before a table uses its type."""

from django.db import migrations
from pgvector.django import VectorExtension


class Migration(migrations.Migration):
    dependencies: list[tuple[str, str]] = []
    operations = [VectorExtension()]
