from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('workflows', '0012_favourites'),
    ]

    operations = [
        migrations.AddField(
            model_name='workflowversion',
            name='deprecated_at',
            field=models.DateTimeField(help_text='Since when nobody should go back to it.', null=True),
        ),
        migrations.AddField(
            model_name='workflowversion',
            name='deprecation_note',
            field=models.TextField(blank=True, help_text='Why not, as people wrote it.'),
        ),
    ]
