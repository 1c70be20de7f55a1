from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("workflows", "0002_postgres_storage")]

    operations = [
        migrations.AddField(
            model_name="workflowtemplate",
            name="undo_position",
            field=models.PositiveIntegerField(
                default=0, help_text="`n` of the newest change that is not undone."
            ),
        ),
    ]
