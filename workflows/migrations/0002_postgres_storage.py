"""Storage settings PostgreSQL needs for rows that are updated in place (docs/engine.md)."""

from django.db import migrations

FORWARD = [
    "ALTER TABLE workflows_workflowexecution SET (fillfactor = 70)",
    "ALTER TABLE workflows_activerun SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01,"
    " autovacuum_vacuum_threshold = 1000)",
    "ALTER TABLE workflows_workflowcounter SET (fillfactor = 50)",
    "ALTER TABLE workflows_workerlease SET (fillfactor = 50)",
]


def set_storage(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for statement in FORWARD:
            schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("workflows", "0001_initial")]
    operations = [migrations.RunPython(set_storage, migrations.RunPython.noop)]
