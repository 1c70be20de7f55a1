"""Memory that expires or is sealed, items seen in earlier runs, and JSON that keeps the order of its keys."""

import automate.lib.clock
import automate.lib.ids
import django.db.models.deletion
import workflows.models.ordered_json
from django.db import migrations, models

# One rewrite per table. `json` keeps the keys of objects in their order, `jsonb` sorts them.
COLUMNS = {
    "draftrevision": ("patch",),
    "sample": ("data",),
    "stepexecution": ("input", "output"),
    "stepstate": ("value",),
    "workflowexecution": ("input", "output"),
    "workflowstep": ("condition", "config", "input_mappings", "output_mappings"),
    "workflowtemplate": ("settings",),
    "workflowtemplatelibrary": ("template_data",),
    "workflowtrigger": ("config",),
    "workflowversion": ("workflow_data",),
}


def keep_order(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # a table with pending checks cannot be altered
    for table, columns in COLUMNS.items():
        changes = ", ".join(f'ALTER COLUMN "{name}" TYPE json USING "{name}"::json' for name in columns)
        schema_editor.execute(f"ALTER TABLE workflows_{table} {changes}")


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0004_workspace_run_limit'),
        ('workflows', '0008_run_policies'),
    ]

    operations = [
        migrations.AddField(
            model_name='stepstate',
            name='expires_at',
            field=models.DateTimeField(help_text='After this moment nothing is kept.', null=True),
        ),
        migrations.AddField(
            model_name='stepstate',
            name='is_encrypted',
            field=models.BooleanField(default=False, help_text='The value quotes a secret and is kept sealed.'),
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(keep_order, migrations.RunPython.noop)],
            state_operations=[
                migrations.AlterField(
                    model_name='draftrevision',
                    name='patch',
                    field=workflows.models.ordered_json.OrderedJSONField(),
                ),
                migrations.AlterField(
                    model_name='sample',
                    name='data',
                    field=workflows.models.ordered_json.OrderedJSONField(null=True),
                ),
                migrations.AlterField(
                    model_name='stepexecution',
                    name='input',
                    field=workflows.models.ordered_json.OrderedJSONField(null=True),
                ),
                migrations.AlterField(
                    model_name='stepexecution',
                    name='output',
                    field=workflows.models.ordered_json.OrderedJSONField(null=True),
                ),
                migrations.AlterField(
                    model_name='stepstate',
                    name='value',
                    field=workflows.models.ordered_json.OrderedJSONField(null=True),
                ),
                migrations.AlterField(
                    model_name='workflowexecution',
                    name='input',
                    field=workflows.models.ordered_json.OrderedJSONField(help_text='What a run sees as `trigger`.', null=True),
                ),
                migrations.AlterField(
                    model_name='workflowexecution',
                    name='output',
                    field=workflows.models.ordered_json.OrderedJSONField(null=True),
                ),
                migrations.AlterField(
                    model_name='workflowstep',
                    name='condition',
                    field=workflows.models.ordered_json.OrderedJSONField(blank=True, null=True),
                ),
                migrations.AlterField(
                    model_name='workflowtemplate',
                    name='settings',
                    field=workflows.models.ordered_json.OrderedJSONField(blank=True, default=dict, help_text="The document's settings."),
                ),
                migrations.AlterField(
                    model_name='workflowstep',
                    name='config',
                    field=workflows.models.ordered_json.OrderedJSONField(blank=True, default=dict),
                ),
                migrations.AlterField(
                    model_name='workflowstep',
                    name='input_mappings',
                    field=workflows.models.ordered_json.OrderedJSONField(blank=True, default=dict),
                ),
                migrations.AlterField(
                    model_name='workflowstep',
                    name='output_mappings',
                    field=workflows.models.ordered_json.OrderedJSONField(blank=True, null=True),
                ),
                migrations.AlterField(
                    model_name='workflowtemplatelibrary',
                    name='template_data',
                    field=workflows.models.ordered_json.OrderedJSONField(help_text='A document.'),
                ),
                migrations.AlterField(
                    model_name='workflowtrigger',
                    name='config',
                    field=workflows.models.ordered_json.OrderedJSONField(blank=True, default=dict),
                ),
                migrations.AlterField(
                    model_name='workflowversion',
                    name='workflow_data',
                    field=workflows.models.ordered_json.OrderedJSONField(),
                ),
            ],
        ),
        migrations.CreateModel(
            name='SeenItem',
            fields=[
                ('id', models.UUIDField(default=automate.lib.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('environment_id', models.UUIDField(null=True)),
                ('step_key', models.CharField(max_length=40)),
                ('digest', models.CharField(help_text='The first half of a SHA-256, in hex.', max_length=32)),
                ('seen_at', models.DateTimeField(default=automate.lib.clock.now)),
                ('template', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='seen_items', to='workflows.workflowtemplate')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.tenant')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('template', 'environment_id', 'step_key', 'digest'), name='seen_once'), models.UniqueConstraint(condition=models.Q(('environment_id__isnull', True)), fields=('template', 'step_key', 'digest'), name='seen_once_in_tests')],
            },
        ),
    ]
