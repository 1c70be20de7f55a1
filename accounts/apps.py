from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AccountsConfig(AppConfig):
    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts import security_log
        from accounts.permissions import sync_builtin_roles

        security_log.connect()
        post_migrate.connect(sync_builtin_roles, sender=self, dispatch_uid="accounts.builtin-roles")
