from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "accounts.notifications"
    label = "notifications"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts import extensions
        from accounts.notifications import bell

        extensions.register_nav_count("bell", bell.unread_of_request)
