"""An index that another one covers goes."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("runs", "0003_counts"),)

    operations = (
        migrations.AlterField(
            "runsong",
            "run",
            models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="songs",
                to="runs.run",
            ),
        ),
    )
