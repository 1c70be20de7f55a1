import django.db.models.deletion
from django.db import migrations, models

POSTGRES = [
    "ALTER TABLE workflows_runtext ALTER COLUMN words TYPE tsvector USING words::tsvector",
    "CREATE INDEX run_text_words ON workflows_runtext USING gin (words)",
    # searched words may not outlive the run they come from, whoever deletes it
    "ALTER TABLE workflows_runtext ADD CONSTRAINT run_text_of_run FOREIGN KEY (execution_id)"
    " REFERENCES workflows_workflowexecution (id) ON DELETE CASCADE",
]


def full_text(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for statement in POSTGRES:
            schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_null_aware_uniqueness"),
        ("workflows", "0005_long_waits"),
    ]

    operations = [
        migrations.CreateModel(
            name="RunText",
            fields=[
                (
                    "execution",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="workflows.workflowexecution",
                    ),
                ),
                ("words", models.TextField(editable=False)),
            ],
        ),
        migrations.AddField(
            model_name="sample",
            name="execution_id",
            field=models.UUIDField(help_text="The run that a request started.", null=True),
        ),
        migrations.AddField(
            model_name="sample",
            name="note",
            field=models.TextField(blank=True, help_text="Why a request started nothing, as a sentence."),
        ),
        migrations.AddField(
            model_name="sample",
            name="outcome",
            field=models.CharField(
                blank=True,
                choices=[
                    ("STARTED", "Started a run"),
                    ("RECORDED", "Recorded, not run"),
                    ("REFUSED", "Refused"),
                ],
                help_text="Of a request: what came of it.",
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="runevent",
            name="kind",
            field=models.CharField(
                choices=[
                    ("RECORDED", "Recorded, not run"),
                    ("DUPLICATE", "Came twice"),
                    ("REJECTED", "Rejected"),
                    ("SKIPPED", "Skipped"),
                    ("FILTERED", "Ended by a filter"),
                    ("FIRED", "Fired"),
                    ("RECOVERED", "Taken over after a crash"),
                    ("CHANGED", "Changed by a person"),
                ],
                max_length=10,
            ),
        ),
        migrations.AddIndex(
            model_name="workflowexecution",
            index=models.Index(
                condition=models.Q(("retry_of__isnull", False)), fields=["retry_of"], name="execution_retries"
            ),
        ),
        migrations.AddField(
            model_name="runtext",
            name="tenant",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="accounts.tenant",
            ),
        ),
        migrations.RunPython(full_text, migrations.RunPython.noop),
    ]
