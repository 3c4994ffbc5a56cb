"""The table of tokens."""

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='CallerToken',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='Which program it is for; the name may be used again once revoked.', max_length=60, validators=[django.core.validators.RegexValidator('\\A[\\w][\\w .@-]*\\Z', 'Letters, digits, spaces and . @ - _ alone, a letter or digit first.')])),
                ('role', models.CharField(choices=[('caller', 'Caller: classifies, reads status and models'), ('operator', 'Operator: trains and puts models into service too')], default='caller', max_length=20)),
                ('fingerprint', models.CharField(editable=False, max_length=64, unique=True)),
                ('made_time', models.DateTimeField(auto_now_add=True)),
                ('made_by', models.CharField(editable=False, max_length=150)),
                ('revoked_time', models.DateTimeField(editable=False, null=True)),
                ('revoked_by', models.CharField(editable=False, max_length=150)),
            ],
            options={
                'verbose_name': 'token',
                'ordering': ('revoked_time', 'name'),
                'constraints': [models.UniqueConstraint(condition=models.Q(('revoked_time', None)), fields=('name',), name='caller_token_name_in_use')],
            },
        ),
    ]
