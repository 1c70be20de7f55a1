import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import automate.lib.clock


class Migration(migrations.Migration):

    dependencies = [
        ('workflows', '0013_version_deprecated'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='workflowtemplatelibrary',
            name='asks',
            field=models.JSONField(blank=True, default=list, help_text='What is asked when it is set up: places in the document.'),
        ),
        migrations.AddField(
            model_name='workflowtemplatelibrary',
            name='edition',
            field=models.PositiveIntegerField(default=1),
        ),
        migrations.AddField(
            model_name='workflowtemplatelibrary',
            name='published_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='workflowtemplatelibrary',
            name='source',
            field=models.ForeignKey(blank=True, help_text='The workflow of the workspace it was made of.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='library_entries', to='workflows.workflowtemplate'),
        ),
        migrations.AddField(
            model_name='workflowtemplatelibrary',
            name='source_draft',
            field=models.PositiveIntegerField(default=0, help_text='The draft version of that workflow when it was taken.'),
        ),
        migrations.AddField(
            model_name='workflowtemplatelibrary',
            name='updated_at',
            field=models.DateTimeField(default=automate.lib.clock.now, editable=False),
        ),
    ]
