from django.apps import AppConfig


class AutomateConfig(AppConfig):
    name = "automate"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Load the Celery application, so that `celery.current_app` is ours in every process."""
        import automate.celery  # noqa: F401
