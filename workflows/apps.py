from django.apps import AppConfig


class WorkflowsConfig(AppConfig):
    name = "workflows"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts import extensions
        from workflows.views import nav

        extensions.register_nav_count("workflows", nav.workflow_count)
        extensions.register_nav_count("runs", nav.failed_count)
        extensions.register_failure_workflows(nav.failure_workflows)
