import automate.lib.ids
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0003_null_aware_uniqueness'),
        ('workflows', '0006_requests_and_search'),
    ]

    operations = [
        migrations.CreateModel(
            name='WaitNotice',
            fields=[
                ('id', models.UUIDField(default=automate.lib.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('execution_id', models.UUIDField(db_index=True)),
                ('path', models.CharField(max_length=300)),
                ('token_id', models.UUIDField(help_text='The link it brings; null: the page of the run.', null=True)),
                ('to', models.CharField(help_text='An e-mail address, or a channel.', max_length=254)),
                ('slot', models.CharField(blank=True, help_text='The connection slot of a channel.', max_length=40)),
                ('is_reminder', models.BooleanField(default=False)),
                ('due_at', models.DateTimeField(help_text='Null: sent, or not needed any more.', null=True)),
                ('tries', models.PositiveSmallIntegerField(default=0)),
                ('sent_at', models.DateTimeField(null=True)),
                ('error', models.CharField(blank=True, max_length=300)),
            ],
        ),
        migrations.RemoveIndex(
            model_name='activerun',
            name='active_waiting',
        ),
        migrations.AddField(
            model_name='waittoken',
            name='closed_at',
            field=models.DateTimeField(help_text="When the wait ended without this token's answer.", null=True),
        ),
        migrations.AlterField(
            model_name='waittoken',
            name='answer',
            field=models.JSONField(help_text='What came, as runs/answers.py writes it.', null=True),
        ),
        migrations.AddIndex(
            model_name='activerun',
            index=models.Index(condition=models.Q(('state__in', ['WAITING', 'ATTENTION'])), fields=['run_at'], name='active_waiting'),
        ),
        migrations.AddIndex(
            model_name='waittoken',
            index=models.Index(condition=models.Q(('answered_at__isnull', True), ('closed_at__isnull', True)), fields=['tenant', 'person'], name='wait_token_open'),
        ),
        migrations.AddField(
            model_name='waitnotice',
            name='tenant',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.tenant'),
        ),
        migrations.AddIndex(
            model_name='waitnotice',
            index=models.Index(condition=models.Q(('due_at__isnull', False)), fields=['due_at'], name='wait_notice_due'),
        ),
    ]
