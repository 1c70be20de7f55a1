from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("workflows", "0004_null_aware_uniqueness")]

    operations = [
        migrations.AlterField(
            model_name="stepexecution",
            name="duration_ms",
            field=models.PositiveBigIntegerField(default=0),
        ),
    ]
