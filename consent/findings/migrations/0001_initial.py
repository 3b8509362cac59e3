
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Finding',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=8)),
                ('name', models.CharField(max_length=253)),
                ('problem', models.CharField(max_length=12)),
                ('source', models.CharField(max_length=8)),
                ('severity', models.PositiveSmallIntegerField(editable=False)),
                ('place', models.CharField(blank=True, max_length=200)),
                ('directive', models.CharField(blank=True, max_length=40)),
                ('first_seen', models.DateField()),
                ('last_seen', models.DateField()),
                ('state', models.CharField(default='open', max_length=8)),
                ('reason', models.CharField(blank=True, max_length=300)),
            ],
            options={
                'ordering': ('severity', '-last_seen', 'pk'),
                'constraints': [models.UniqueConstraint(fields=('kind', 'name', 'problem'), name='consent_finding_once'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'ignored'), _negated=True), models.Q(('reason', ''), _negated=True), _connector='OR'), name='consent_finding_reason')],
            },
        ),
        migrations.CreateModel(
            name='Sighting',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=8)),
                ('name', models.CharField(max_length=253)),
                ('since', models.DateField()),
                ('last_seen', models.DateField()),
            ],
            options={
                'default_permissions': (),
                'constraints': [models.UniqueConstraint(fields=('kind', 'name'), name='consent_sighting_once')],
            },
        ),
    ]
