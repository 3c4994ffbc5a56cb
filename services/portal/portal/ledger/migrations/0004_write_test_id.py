"""The id of a write test is a large integer, as that of every other table."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ledger", "0003_write_test")]

    operations = [
        migrations.AlterField(
            model_name="writetest",
            name="id",
            field=models.BigAutoField(
                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
            ),
        ),
    ]
