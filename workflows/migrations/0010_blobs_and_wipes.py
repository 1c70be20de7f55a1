import django.db.models.deletion
from django.db import migrations, models

# Old runs are removed in batches: vacuum after each hundredth of a table, not after a fifth, so that the room is
# used again before the table grows.
PRUNED = [
    ("workflows_workflowexecution", ""),
    ("workflows_stepexecution", ""),
    ("workflows_blob", "toast.autovacuum_vacuum_scale_factor = 0.02, toast.autovacuum_vacuum_threshold = 1000, "),
    ("workflows_runevent", ""),
]


def vacuum_soon(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for table, more in PRUNED:
            schema_editor.execute(
                f"ALTER TABLE {table} SET ({more} autovacuum_vacuum_scale_factor = 0.02,"
                " autovacuum_vacuum_threshold = 5000, autovacuum_analyze_scale_factor = 0.02)"
            )


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_null_aware_uniqueness"),
        ("workflows", "0009_memory_and_ordered_json"),
    ]

    operations = [
        migrations.AddField(
            model_name="blob",
            name="place",
            field=models.CharField(
                blank=True, help_text="Where the bytes lie if not in `data`: runs/shelves.py.", max_length=20
            ),
        ),
        migrations.CreateModel(
            name="DueWipe",
            fields=[
                ("execution_id", models.UUIDField(primary_key=True, serialize=False)),
                ("due_at", models.DateTimeField(db_index=True)),
                (
                    "tenant",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.tenant",
                    ),
                ),
            ],
        ),
        migrations.RunPython(vacuum_soon, migrations.RunPython.noop),
    ]
