import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import automate.lib.clock
import automate.lib.ids


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0005_steps_view'),
        ('workflows', '0014_workspace_library'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='UsedStep',
            fields=[
                ('id', models.UUIDField(default=automate.lib.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('type', models.CharField(help_text='As documents write it, such as `condition`.', max_length=14)),
                ('integration', models.CharField(blank=True, max_length=60)),
                ('action', models.CharField(blank=True, max_length=80)),
                ('used_at', models.DateTimeField(default=automate.lib.clock.now)),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.tenant')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('user', 'tenant', 'type', 'integration', 'action'), name='used_step_once')],
            },
        ),
    ]
