from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ('runs', '0005_models'),
    ]

    operations = [
        migrations.AlterField(
            model_name='run',
            name='kind',
            field=models.CharField(choices=[('sync', 'Sync'), ('extract', 'Analyse'), ('classify', 'Classify'), ('train', 'Train'), ('promote', 'Promote'), ('plan', 'Dry run'), ('push', 'Apply'), ('rollback', 'Roll back')], max_length=20),
        ),
    ]
